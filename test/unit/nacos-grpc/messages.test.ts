import { describe, expect, it } from 'vitest'
import * as messages from '../../../src/nacos/grpc/messages.js'
import { fetchConfig, fetchInstances, fetchServiceNames, storeConfig } from '../../../src/nacos/grpc/operations.js'
import { AnswerError, answerError } from '../../../src/nacos/grpc/errors.js'
import { anInstance } from '../../support/transport.js'
import { WIRE_SERVERS, wireMessages, type WireMessage } from '../../support/wire.js'

/** Answers as the recording does, with the connection's own reading of a refusal. */
const replay = (of: WireMessage) => async (): Promise<messages.Message> => {
  const body = messages.parseMessage(Buffer.from(of.json))
  if (body['resultCode'] === 200) return body
  throw answerError(of.type, 'recorded:9848', body['errorCode'] as number, String(body['message']))
}

describe.each(WIRE_SERVERS)('recorded exchanges with %s', (server) => {
  const all = wireMessages(server).flatMap(({ title, messages }) =>
    messages.map((each) => ({ section: title, ...each })),
  )
  // A push may stand between a request and its answer.
  const find = (section: string, from: 'client' | 'server') => {
    const asked = all.findIndex((entry) => entry.section === section && entry.from === 'client')
    return all.slice(asked).find((entry) => entry.from === from)!
  }
  const sent = (section: string) => {
    const { type, headers, json } = find(section, 'client')
    return { type, headers, body: JSON.parse(json) as Record<string, unknown> }
  }
  const name = (sent('subscribe, unknown service').body['serviceName'] as string) ?? ''
  const key = { namespace: '', group: 'DEFAULT_GROUP', service: name }
  const config = { namespace: '', group: 'DEFAULT_GROUP', dataId: `${name}.yml` }
  const instance = anInstance({ ...key, ip: '10.0.0.2', port: 8002, metadata: { v: '2' } })
  const page = { namespace: '', group: 'DEFAULT_GROUP', pageNo: 1, pageSize: 10 }
  const item = { ...config, content: 'a: 1\n城: 杭州\n', type: 'yaml' }

  it.each<[string, messages.Request]>([
    ['server check', messages.serverCheck],
    ['health check', messages.healthCheck],
    ['subscribe, unknown service', messages.subscribeService(key, true)],
    ['unsubscribe', messages.subscribeService(key, false)],
    ['register over gRPC', messages.instanceRequest(instance, 'registerInstance')],
    ['deregister', messages.instanceRequest(instance, 'deregisterInstance')],
    ['batch register', messages.batchInstances(key, [instance, { ...instance, port: 8003 }])],
    ['query', messages.queryService(key)],
    ['service list', messages.listServices(page)],
    ['config query', messages.queryConfig(config)],
    ['listen, md5 stale', messages.listenConfig(config, '0', true)],
    ['stop listening', messages.listenConfig(config, '', false)],
    ['publish', messages.publishConfig(item, undefined)],
    ['publish a change', messages.publishConfig({ ...config, content: 'a: 2\n' }, undefined)],
    [
      'publish with a stale md5 (CAS)',
      messages.publishConfig({ ...config, content: 'a: 4\n' }, '00000000000000000000000000000000'),
    ],
    ['remove', messages.removeConfigRequest(config)],
  ])('we ask as the recording does: %s', (section, request) => {
    const { type, body, headers = {} } = request
    expect({ type, headers, body: JSON.parse(JSON.stringify(body)) as unknown }).toEqual(sent(section))
  })

  it('reads a query', async () => {
    const list = await fetchInstances(key, 'x', replay(find('query', 'server')))
    expect(list.sort((a, b) => a.port - b.port)).toEqual([
      { ...instance, ip: '10.0.0.1', port: 8001, weight: 2, cluster: 'BLUE', metadata: { a: '1', 城: '杭州' } },
      instance,
    ])
  })

  it('reads every push of a list', () => {
    const pushes = all.filter((entry) => entry.type === 'NotifySubscriberRequest')
    expect(pushes.length).toBeGreaterThan(4)
    for (const push of pushes) {
      const info = messages.parseServiceInfo(messages.parseMessage(Buffer.from(push.json))['serviceInfo'])
      expect(info.group).toBe('DEFAULT_GROUP')
      expect(info.lastRefTimeMs).toBeGreaterThan(1.7e12)
      expect(messages.instancesOf(key, info.hosts)).toHaveLength(info.hosts.length)
    }
  })

  it('reads service names, documents, and the word that there is none', async () => {
    const names = await fetchServiceNames(page, 'x', replay(find('service list', 'server')))
    expect(names).toEqual({ count: 1, names: [name] })
    expect(await fetchConfig(config, 'x', replay(find('config query', 'server')))).toEqual({
      ...item,
      md5: '5fd856132f8ea756ee9c120a51e58174',
    })
    expect(await fetchConfig(config, 'x', replay(find('config query, not found', 'server')))).toBeUndefined()
    expect(await fetchConfig(config, 'x', replay(find('query after remove', 'server')))).toBeUndefined()
  })

  it('reads a compare-and-set', async () => {
    const stale = replay(find('publish with a stale md5 (CAS)', 'server'))
    // 2.2.4 and r-nacos say yes and overwrite: nothing in the answer tells, so they are not asked.
    expect(await storeConfig(item, 'x', 'x', true, stale)).toBe(server !== 'nacos-3.0.3')
    await expect(storeConfig(item, 'x', 'x', false, stale)).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_UNSUPPORTED',
    })
  })

  it.each([
    ['a request before connection setup', 301, 'SIDECAR_REGISTRY_UNAVAILABLE'],
    ['an unknown request type', 302, 'SIDECAR_REGISTRY_UNSUPPORTED'],
  ])('reads a refusal: %s', async (section, errorCode, code) => {
    const error: unknown = await replay(find(section, 'server'))().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(AnswerError)
    expect(error).toMatchObject({ errorCode, code })
  })
})

describe('a broken list', () => {
  const key = { namespace: '', group: 'G', service: 's' }

  it.each([
    ['no serviceInfo', {}],
    ['a text', { serviceInfo: 'x' }],
    ['no hosts', { serviceInfo: { name: 's', groupName: 'G' } }],
    ['hosts null', { serviceInfo: { name: 's', groupName: 'G', hosts: null } }],
    ['hosts an object', { serviceInfo: { name: 's', groupName: 'G', hosts: {} } }],
  ])('is an error and not an empty one: %s', async (_what, answer) => {
    await expect(fetchInstances(key, 'nacos:9848', async () => answer)).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_ANSWER',
      message: expect.stringContaining('nacos:9848') as string,
    })
  })

  it.each([null, 'x', { port: 1 }, { ip: '1.1.1.2', port: 'p' }])(
    'R12: one entry that is no instance takes no service away: %j',
    (host) => {
      const list = messages.instancesOf(key, [host, { ip: '1.1.1.1', port: 80 }])
      expect(list).toEqual([expect.objectContaining({ ip: '1.1.1.1', port: 80 })])
      expect(() => messages.instancesOf(key, [host])).toThrow(/no instance with ip and port/)
    },
  )

  it('takes what is left out for what it mostly is', () => {
    const metadata = JSON.parse('{"__proto__":"p","n":1,"z":null,"s":"x"}') as object
    const [only] = messages.instancesOf(key, [{ ip: '1.1.1.1', port: 80, metadata }])
    expect(only).toMatchObject({ ip: '1.1.1.1', port: 80, weight: 1, healthy: true, enabled: true, cluster: 'DEFAULT' })
    expect(Object.entries(only!.metadata)).toEqual([
      ['n', '1'],
      ['s', 'x'],
    ])
    expect(Object.getPrototypeOf(only!.metadata)).toBe(Object.prototype)
  })
})
