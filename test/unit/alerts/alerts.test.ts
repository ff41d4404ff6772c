import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import express from 'express'
import { expect, test, vi } from 'vitest'
import { requestOf, type AlertTarget } from '../../../src/alerts/formats.js'
import { Webhook } from '../../../src/alerts/webhook.js'
import { collectLog } from '../../support/collect.js'
import { startOutage, testRegistry } from '../../support/registry.js'
import { loadError } from '../../support/bootstrap.js'
import { alerts, join, observer } from '../../support/member.js'
import { startWebhook, type Received } from '../../support/webhook.js'

const statuses = (received: readonly Received[]) =>
  received.map(({ json: { status, rule, subject } }) => `${status} ${rule} ${subject}`.trim())

test('alerts: the registry is lost and found: one message each', async () => {
  const { url, received } = await startWebhook()
  const outage = await startOutage()
  const sidecar = outage.sidecar({
    'application.name': 'portal',
    'sidecar.alerts': { webhook: url, for: 0 },
    'sidecar.poll-interval': 100,
  })
  await sidecar.ready
  await sidecar.discovery.instances('other')
  const lost = once(sidecar, 'registryLost')
  await outage.down()
  await lost
  await vi.waitFor(() => expect(statuses(received)).toEqual(['raised registry-lost']))
  const found = once(sidecar, 'registryFound')
  await outage.back()
  await found
  await vi.waitFor(() => expect(statuses(received)).toEqual(['raised registry-lost', 'resolved registry-lost']))
  const [raised, resolved] = received.map(({ json }) => json)
  expect(raised).toMatchObject({
    service: 'portal',
    namespace: '',
    message: expect.stringMatching(/no server of the registry answers/),
  })
  expect(resolved!['since']).toBe(raised!['since'])
  expect(received[0]!.headers['content-type']).toBe('application/json; charset=utf-8')
})

test('alerts: a rejected document: raised once, resolved by the next usable version', async () => {
  const { url, received } = await startWebhook()
  const outage = await startOutage()
  await outage.publish('a.yml', 'a: 1')
  const sidecar = outage.sidecar({ 'config.import': 'nacos:a.yml', 'sidecar.alerts': { webhook: url, for: 0 } })
  await sidecar.ready
  const accepted = once(sidecar, 'configAccepted')
  await outage.publish('a.yml', 'a: [')
  await vi.waitFor(() => expect(received).toHaveLength(1))
  await outage.publish('a.yml', 'a: {')
  await outage.publish('a.yml', 'a: 1')
  expect(await accepted).toEqual([{ source: 'a.yml' }])
  await vi.waitFor(() =>
    expect(statuses(received)).toEqual(['raised config-rejected a.yml', 'resolved config-rejected a.yml']),
  )
})

test('alerts: a bound view that is refused is resolved by a value that is accepted', async () => {
  const registry = await testRegistry()
  await registry.configs.publish({ dataId: 'a.yml', content: 'n: 1' })
  const sidecar = await observer({ ...registry.settings(), 'config.import': 'nacos:a.yml' })
  const seen: string[] = []
  sidecar.on('configRejected', ({ source }) => seen.push(`rejected ${source}`))
  sidecar.on('configAccepted', ({ source }) => seen.push(`accepted ${source}`))
  const schema = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) =>
        /^\d+$/.test(String((value as { n?: unknown }).n)) ? { value } : { issues: [{ message: 'no integer' }] },
    },
  }
  sidecar.config.bind(schema)
  await registry.configs.publish({ dataId: 'a.yml', content: 'n: x' })
  await vi.waitFor(() => expect(seen).toHaveLength(1))
  await registry.configs.publish({ dataId: 'a.yml', content: 'n: 1' })
  await vi.waitFor(() => expect(seen).toHaveLength(2))
  expect(seen).toEqual(['rejected the bound configuration', 'accepted the bound configuration'])
})

test('alerts: an instance that is ejected, and answers again', async () => {
  const { url, received } = await startWebhook()
  let failing = true
  const registry = await testRegistry()
  await registry.stub('shop', (_request, response) => response.writeHead(failing ? 500 : 200).end())
  const sidecar = await observer({
    ...registry.settings(),
    'sidecar.alerts': { webhook: url, for: 0, on: ['ejected'] },
    'sidecar.ejection': { failures: 1, 'max-share': 100, time: 50 },
  })
  const call = () => sidecar.fetch('http://shop/').then((response) => response.text())
  await call()
  await vi.waitFor(() => expect(received).toHaveLength(1))
  failing = false
  await vi.waitFor(async () => {
    await call()
    expect(received).toHaveLength(2)
  })
  expect(statuses(received)).toEqual([
    expect.stringMatching(/^raised ejected DEFAULT_GROUP@@shop [\d.]+:\d+$/),
    expect.stringMatching(/^resolved ejected DEFAULT_GROUP@@shop [\d.]+:\d+$/),
  ])
})

test('alerts: what ends within `for` is not reported, what lasts is repeated', async () => {
  const { url, received } = await startWebhook()
  const outage = await startOutage()
  await outage.publish('a.yml', 'a: 1')
  await outage.publish('b.yml', 'b: 1')
  const sidecar = outage.sidecar({
    'config.import': 'nacos:a.yml,nacos:b.yml',
    'sidecar.alerts': { webhook: url, for: 2_000, repeat: 50 },
  })
  await sidecar.ready
  const rejected = once(sidecar, 'configRejected')
  const accepted = once(sidecar, 'configAccepted')
  await outage.publish('a.yml', 'a: [')
  await rejected
  await outage.publish('a.yml', 'a: 2')
  await accepted
  await outage.publish('b.yml', 'b: [')
  await vi.waitFor(() => expect(received.length).toBeGreaterThan(2))
  expect(new Set(statuses(received))).toEqual(new Set(['raised config-rejected b.yml']))
  const [first, second] = received.map(({ json }) => json)
  expect(second!['since']).toBe(first!['since'])
  expect(Date.parse(String(second!['at']))).toBeGreaterThan(Date.parse(String(first!['at'])))
})

test('alerts: nothing is raised while the instance leaves', async () => {
  const { url, received } = await startWebhook()
  const outage = await startOutage()
  const { sidecar } = await join(express(), {
    'application.name': 'portal',
    'cloud.nacos.server-addr': outage.up().address,
    'sidecar.alerts': { webhook: url, for: 0 },
    'sidecar.drain': '60s',
    'sidecar.poll-interval': 100,
  })
  await sidecar.discovery.instances('other')
  const draining = once(sidecar, 'draining')
  const stopped = sidecar.stop()
  await draining
  const lost = once(sidecar, 'registryLost')
  await outage.down()
  await lost
  await sidecar.stop({ drain: false })
  await stopped
  expect(received).toEqual([])
})

test('alerts: what is raised is resolved when the instance has left', async () => {
  const { received, sidecar } = await rejectedOne({ format: 'json' })
  await sidecar.stop({ drain: false })
  expect(statuses(received)).toEqual(['raised config-rejected a.yml', 'resolved config-rejected a.yml'])
  expect(received[1]!.json['message']).toBe('this instance leaves, and watches it no longer')
})

test('alerts: the rate of errors over a time', async () => {
  const { url, received } = await startWebhook()
  const registry = await testRegistry()
  let failing = true
  const app = express()
  app.get('/', (_request, response) => void response.sendStatus(failing ? 500 : 200))
  const settings = {
    'sidecar.alerts': { webhook: url, for: 0, on: 'error-rate > 10% / 1s' },
    'application.name': 'portal',
  }
  const member = await join(app, registry.settings(settings))
  const serve = () => Promise.all(Array.from({ length: 20 }, () => fetch(member.url).then((answer) => answer.text())))
  await vi.waitFor(async () => {
    await serve()
    expect(received).toHaveLength(1)
  })
  failing = false
  await vi.waitFor(async () => {
    await serve()
    expect(received).toHaveLength(2)
  })
  expect(statuses(received)).toEqual(['raised error-rate>10%/1s', 'resolved error-rate>10%/1s'])
  expect(received[0]!.json['message']).toMatch(/^\d+ of \d+ requests \(\d+\.\d%\) failed$/)
})

test('alerts: the rate of errors without figures: a warning says that it is not raised', async () => {
  const registry = await testRegistry()
  const settings = {
    'sidecar.alerts': { webhook: 'http://127.0.0.1:9/', on: 'error-rate>5%/1m' },
    'sidecar.observe.enabled': false,
  }
  const sidecar = await observer(registry.settings(settings))
  expect(sidecar.recentLog().map(({ message }) => message)).toContain(
    'sidecar.alerts: error-rate>5%/1m is not raised while sidecar.observe.enabled is false',
  )
})

test.each(['ejected,other', 'error-rate>5%', 'error-rate>100%/1m', 'error-rate>5%/0s'])(
  'alerts: %s is no rule',
  (on) => {
    expect(loadError(`sidecar.alerts.on: "${on}"`).message).toContain(
      'expected registry-lost, config-rejected, ejected or',
    )
  },
)

test('alerts: an address that is none is refused and not repeated', () => {
  const { message: error } = loadError('sidecar.alerts.webhook: canary-secret')
  expect(error).toContain('expected a URL such as https://host/path')
  expect(error).not.toContain('canary')
})

const SECRET = 'SECcanary-signing-key'
const said = /^\[nacos-sidecar\] raised: config-rejected \(portal\): config a\.yml:.*\. Since \d{4}-/

async function rejectedOne(alertSettings: object, answer?: Parameters<typeof startWebhook>[0]) {
  const hook = await startWebhook(answer)
  const outage = await startOutage()
  const sidecar = outage.sidecar({
    'application.name': 'portal',
    'config.import': 'optional:nacos:a.yml',
    'sidecar.alerts': { webhook: hook.url, for: 0, ...alertSettings },
  })
  await sidecar.ready
  await outage.publish('a.yml', 'a: [')
  await vi.waitFor(() => expect(hook.received).not.toHaveLength(0))
  return { ...hook, sidecar }
}

test('alerts: DingTalk gets its form, with the signature of its documentation', async () => {
  const { received } = await rejectedOne({ format: 'dingtalk', secret: SECRET })
  const [{ url, json }] = received as [Received]
  expect(json).toEqual({ msgtype: 'text', text: { content: expect.stringMatching(said) } })
  const timestamp = url.searchParams.get('timestamp')
  const sign = createHmac('sha256', SECRET).update(`${timestamp}\n${SECRET}`).digest('base64')
  expect(url.searchParams.get('sign')).toBe(sign)
})

test('alerts: Feishu gets its form, signed in the body', async () => {
  const { received } = await rejectedOne({ format: 'feishu', secret: SECRET })
  const [{ json }] = received as [Received]
  const { timestamp } = json as { timestamp: string }
  expect(json).toEqual({
    timestamp: expect.stringMatching(/^\d{10}$/),
    sign: createHmac('sha256', `${timestamp}\n${SECRET}`).update('').digest('base64'),
    msg_type: 'text',
    content: { text: expect.stringMatching(said) },
  })
})

test.each([
  ['wecom', { msgtype: 'text', text: { content: expect.stringMatching(said) } }],
  ['slack', { text: expect.stringMatching(said) }],
])('alerts: %s gets its form', async (format, body) => {
  const { received } = await rejectedOne({ format })
  expect(received[0]!.json).toEqual(body)
})

test.each([
  [
    'a refusal in the body',
    (response: { end(body: string): unknown }) => response.end('{"errcode":310000}'),
    'its code is 310000',
  ],
  [
    'a status',
    (response: { writeHead(status: number): { end(): unknown } }) => response.writeHead(404).end(),
    'it answered 404',
  ],
])('alerts: after %s it is sent again, and one warning tells no secret', async (_, refuse, why) => {
  const { sidecar, received } = await rejectedOne({ secret: SECRET }, (response, count) =>
    count === 1 ? refuse(response) : response.end('{"errcode":0}'),
  )
  await vi.waitFor(() => expect(received).toHaveLength(2))
  expect(received[1]!.json).toEqual(received[0]!.json)
  const lines = alerts(sidecar).filter((line) => line.includes('webhook'))
  expect(lines).toEqual([expect.stringContaining(why)])
  expect(JSON.stringify(sidecar.lines)).not.toMatch(/canary/)
})

const PORTAL = { service: 'portal', instance: '10.0.0.1:80', namespace: '' }
const alertOf = (message: string) =>
  ({
    status: 'raised',
    rule: 'config-rejected',
    subject: 'a.yml',
    message,
    since: new Date(0),
    at: new Date(0),
  }) as const

test.each(['dingtalk', 'feishu', 'wecom', 'slack'] as const)(
  'alerts: %s: a text of others calls no group, breaks no line and is cut to what the chat takes',
  (format) => {
    const hostile = `<at user_id="all">all</at> <@all> <!channel>\n\u202e${'<界'.repeat(5_000)}`
    const target = { webhook: 'http://hook/', format }
    const { body } = requestOf(target, alertOf(hostile), PORTAL, 0)
    const { text, content } = JSON.parse(body) as Record<string, string | Record<string, string>>
    const said = [text, content].flatMap((one) => (typeof one === 'object' ? Object.values(one) : (one ?? []))).join()
    expect(said).toContain('raised: config-rejected (portal, 10.0.0.1:80): ')
    if (format !== 'dingtalk') expect(said).not.toMatch(/[<>]/)
    expect(said).not.toMatch(/[\n\u202e\ufffd]/)
    if (format !== 'slack') expect(Buffer.byteLength(said)).toBeLessThanOrEqual(2_048)
    expect(said.length).toBeLessThan(6_000)
  },
)

test('alerts: one that is refused again and again is dropped, and the next one is sent', async () => {
  const { url, received } = await startWebhook((response, count) => response.writeHead(count > 10 ? 200 : 400).end())
  const logger = collectLog()
  const target: AlertTarget = { webhook: url, format: 'json' }
  const webhook = new Webhook(target, 5_000, logger, { firstMs: 1, lastMs: 1, spread: 0 })
  for (const message of ['poison', 'next']) webhook.send(() => requestOf(target, alertOf(message), PORTAL, 0))
  await vi.waitFor(() => expect(received).toHaveLength(11))
  expect(received.map(({ json }) => json['message'])).toEqual([...Array<string>(10).fill('poison'), 'next'])
  await webhook.close(1_000)
  expect(logger.lines.at(-1)).toMatch(/has refused an alert 10 times, which is dropped: it answered 400$/)
  expect(logger.lines.join()).not.toContain('canary')
})

test('alerts: credentials in the address go into a header', async () => {
  const { url, received } = await startWebhook()
  const logger = collectLog()
  const target: AlertTarget = { webhook: url.replace('://', '://me:p%40ss@'), format: 'json' }
  const webhook = new Webhook(target, 5_000, logger)
  webhook.send(() => requestOf(target, alertOf('x'), PORTAL, 0))
  await vi.waitFor(() => expect(received).toHaveLength(1))
  expect(received[0]!.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`)
  await webhook.close(1_000)
})
