import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Dialect, Operation } from '../../../../../src/nacos/http/dialects/dialect.js'
import { v1 } from '../../../../../src/nacos/http/dialects/v1.js'
import { v3 } from '../../../../../src/nacos/http/dialects/v3.js'
import { probe } from '../../../../../src/nacos/http/probe.js'
import { RequestFailure } from '../../../../../src/nacos/http/failure.js'
import { loginOperation } from '../../../../../src/nacos/http/login.js'
import { WIRE_SERVERS, wireCases, wireExchanges, type WireExchange } from '../../../../support/wire.js'

/**
 * Recorded answers of real servers, read by our dialects. What is expected is worked out here from the raw answer, by
 * other means than the dialects use.
 */

type Verb =
  | 'register'
  | 'deregister'
  | 'beat'
  | 'list'
  | 'listServices'
  | 'getConfig'
  | 'publishConfig'
  | 'deleteConfig'
  | 'listen'
  | 'login'

const VERBS: readonly [method: string, path: string, dialect: Dialect, verb: Verb][] = [
  ['POST', '/v1/ns/instance', v1, 'register'],
  ['DELETE', '/v1/ns/instance', v1, 'deregister'],
  ['PUT', '/v1/ns/instance/beat', v1, 'beat'],
  ['GET', '/v1/ns/instance/list', v1, 'list'],
  ['GET', '/v1/ns/service/list', v1, 'listServices'],
  ['GET', '/v1/cs/configs', v1, 'getConfig'],
  ['POST', '/v1/cs/configs', v1, 'publishConfig'],
  ['DELETE', '/v1/cs/configs', v1, 'deleteConfig'],
  ['POST', '/v1/cs/configs/listener', v1, 'listen'],
  ['POST', '/v1/auth/login', v1, 'login'],
  ['POST', '/v3/client/ns/instance', v3, 'register'],
  ['DELETE', '/v3/client/ns/instance', v3, 'deregister'],
  ['GET', '/v3/client/ns/instance/list', v3, 'list'],
  ['GET', '/v3/admin/ns/service/list', v3, 'listServices'],
  ['GET', '/v3/client/cs/config', v3, 'getConfig'],
  ['POST', '/v3/admin/cs/config', v3, 'publishConfig'],
  ['DELETE', '/v3/admin/cs/config', v3, 'deleteConfig'],
  ['POST', '/v3/auth/user/login', v3, 'login'],
]

interface Recorded extends WireExchange {
  readonly label: string
  readonly dialect: Dialect
  readonly verb: Verb
  readonly operation: Operation<unknown>
}

function recorded(server: (typeof WIRE_SERVERS)[number]): Recorded[] {
  return wireCases(server).flatMap((name) =>
    wireExchanges(server, name).flatMap((exchange) => {
      const { method, path, params } = exchange.request
      const found = VERBS.find(([m, p]) => m === method && `/nacos${p}` === path)
      // Not verbs of ours: searches, the beta switch, and the metadata view of a config.
      if (!found || ['search', 'show', 'beta'].some((name) => params.has(name))) return []
      const [, , dialect] = found
      const verb = params.get('heartBeat') === 'true' ? 'beat' : found[3]
      return [
        {
          ...exchange,
          label: `${name}: ${exchange.title}`,
          dialect,
          verb,
          operation: operationOf(dialect, verb, exchange),
        },
      ]
    }),
  )
}

/** The operation that the recorded request stands for. */
function operationOf(dialect: Dialect, verb: Verb, { request }: WireExchange): Operation<unknown> {
  const at = (name: string, fallback = '') => request.params.get(name) ?? fallback
  const [prefix, rest] = at('serviceName').split(/@@(.*)/s)
  const namespace = at('namespaceId', at('tenant')).replace(/^public$/, '')
  const group = at('groupName', at('group', 'DEFAULT_GROUP'))
  const instance = {
    namespace,
    group: rest === undefined ? group : prefix!,
    service: rest ?? prefix!,
    ip: at('ip'),
    port: Number(at('port')),
    weight: Number(at('weight', '1')),
    healthy: at('healthy', 'true') === 'true',
    enabled: at('enabled', 'true') === 'true',
    ephemeral: at('ephemeral', 'true') === 'true',
    cluster: at('clusterName', 'DEFAULT'),
    metadata: metadataOf(at('metadata')),
  }
  const config = { namespace, group, dataId: at('dataId') }
  const type = request.params.get('type')
  switch (verb) {
    case 'register':
    case 'deregister':
    case 'beat':
    case 'list':
      return dialect[verb](instance)
    case 'listServices':
      return dialect.listServices({ pageNo: Number(at('pageNo')), pageSize: Number(at('pageSize')), namespace, group })
    case 'getConfig':
    case 'deleteConfig':
      return dialect[verb](config)
    case 'publishConfig':
      return dialect.publishConfig(
        { ...config, content: at('content'), ...(type !== undefined && { type }) },
        request.headers['casmd5'],
      )
    case 'listen':
      return dialect.listen!([{ ...config, md5: '' }], 30_000)
    case 'login':
      return loginOperation(request.path.slice('/nacos'.length), at('username'), at('password'))
  }
}

function metadataOf(text: string): Record<string, string> {
  try {
    return JSON.parse(text) as Record<string, string>
  } catch {
    return {}
  }
}

/** What the operation makes of the answer, or `failed: <kind>`. */
function resultOf({ operation, response }: Recorded): unknown {
  try {
    return operation.decode(response)
  } catch (error) {
    expect(error).toBeInstanceOf(RequestFailure)
    return `failed: ${(error as RequestFailure).kind}`
  }
}

describe.each(WIRE_SERVERS)('answers of %s', (server) => {
  const all = recorded(server)
  const of = (...verbs: Verb[]) => all.filter((one) => verbs.includes(one.verb))

  test('every verb the client uses is recorded', () => {
    expect(all.length).toBeGreaterThan(280)
    const verbs = new Set(all.map(({ dialect, verb }) => `${dialect.version} ${verb}`))
    for (const verb of [
      'register',
      'deregister',
      'beat',
      'list',
      'listServices',
      'getConfig',
      'publishConfig',
      'deleteConfig',
      'listen',
      'login',
    ]) {
      expect(verbs).toContain(`v1 ${verb}`)
    }
  })

  test.each(all.filter(({ response }) => response.status >= 400 && response.status < 500))('a 4xx: $label', (one) => {
    const { status, body } = one.response
    const absent = one.verb === 'getConfig' && status === 404 && body.trim() === 'config data not exist'
    const kind = { 401: 'denied', 403: 'denied', 404: 'no-route', 410: 'no-route' }[status] ?? 'refused'
    expect(resultOf(one)).toBe(absent ? undefined : `failed: ${kind}`)
  })

  test.each(all.filter(({ response }) => response.status >= 500))('a 5xx: $label', (one) => {
    if (one.verb === 'login') return expect(resultOf(one)).toBe('failed: denied')
    // A lost race is no failure.
    if (/cas/i.test(one.label)) return expect(resultOf(one)).toBe(false)
    // Words that blame the request: asking another node would not help. The rest may be the node's own trouble.
    const unclear = /101|see log for detail|^error$|deserialize/.test(one.response.body.trim())
    expect(resultOf(one)).toBe(unclear ? 'failed: status' : 'failed: refused')
  })

  const good = (verb: Verb) => of(verb).filter(({ response }) => response.status < 300)

  test.each([...good('register'), ...good('deregister')])('done: $label', (one) =>
    expect(resultOf(one)).toBeUndefined(),
  )

  test.each(good('beat'))('beat: $label', (one) => {
    const unknown = /"code":(20404|21003)/.test(one.response.body)
    const asked = /"clientBeatInterval":(\d+)/.exec(one.response.body)?.[1]
    expect(resultOf(one)).toEqual(
      unknown ? { known: false } : { known: true, ...(asked && { intervalMs: Number(asked) }) },
    )
  })

  test.each(good('list'))('list: $label', (one) => {
    const raw = JSON.parse(one.response.body) as { hosts?: Host[]; data?: Host[] }
    const { serviceName } = one.operation.request.query as { serviceName: string }
    expect(resultOf(one)).toEqual(
      (raw.hosts ?? raw.data)!.map((host) => ({
        namespace: expect.not.stringMatching(/^public$/) as string,
        group: host.serviceName.split('@@')[0],
        service: serviceName,
        ip: host.ip,
        port: host.port,
        weight: host.weight,
        healthy: host.healthy,
        enabled: host.enabled,
        ephemeral: host.ephemeral,
        cluster: host.clusterName,
        metadata: host.metadata,
      })),
    )
  })

  test.each(good('listServices'))('service names: $label', (one) => {
    const raw = JSON.parse(one.response.body) as {
      count: number
      doms: string[]
      data?: { totalCount: number; pageItems: { name: string }[] }
    }
    expect(resultOf(one)).toEqual(
      raw.data
        ? { count: raw.data.totalCount, names: raw.data.pageItems.map(({ name }) => name) }
        : { count: raw.count, names: raw.doms },
    )
  })

  test.each(good('getConfig'))('config: $label', (one) => {
    const { body, headers, shortened } = one.response
    const envelope = body.startsWith('{"code":')
      ? (JSON.parse(body) as { data: { content: string; md5: string; contentType: string } | null })
      : undefined
    if (envelope?.data === null) return expect(resultOf(one)).toBeUndefined()
    const expected = envelope?.data
      ? { content: envelope.data.content, md5: envelope.data.md5, type: envelope.data.contentType }
      : {
          content: body,
          md5: shortened ? createHash('md5').update(body).digest('hex') : headers['content-md5'],
          type: headers['config-type'],
        }
    expect(resultOf(one)).toMatchObject(
      expected.type === undefined ? { content: expected.content, md5: expected.md5 } : expected,
    )
  })

  test.each([...good('publishConfig'), ...good('deleteConfig')])('written: $label', (one) =>
    expect(resultOf(one)).toBe(true),
  )

  test.each(good('login'))('login: $label', (one) => {
    const raw = JSON.parse(one.response.body) as { accessToken: string; tokenTtl: number }
    expect(resultOf(one)).toEqual({
      token: raw.accessToken === 'AUTH_DISABLED' ? undefined : raw.accessToken,
      ttlMs: raw.tokenTtl * 1000,
    })
  })

  test('which API it speaks', () => {
    const answers = all.filter(({ request }) => request.path === '/nacos/v3/client/ns/instance/list')
    expect(answers.length).toBeGreaterThan(2)
    for (const { response, request } of answers) {
      const decode = () => probe('naming', '').decode(response)
      if (response.status === 404) expect(decode()).toBe(v1)
      else if (response.status === 200) expect(decode()).toBe(v3)
      else expect(decode, `${response.status} for ${request.target} decides nothing`).toThrow(RequestFailure)
    }
  })
})

interface Host {
  ip: string
  port: number
  weight: number
  healthy: boolean
  enabled: boolean
  ephemeral: boolean
  clusterName: string
  serviceName: string
  metadata: Record<string, string>
}

describe.each(WIRE_SERVERS)('requests as %s took them', (server) => {
  // Recordings of forms we do not use: JSON bodies, parameters in the URL of a POST or the body of a DELETE, light
  // beats, wrong or missing parameters, two tenants' names for the public namespace.
  const usable = recorded(server).filter(
    ({ request, response, verb, label }) =>
      response.status < 300 &&
      verb !== 'listen' &&
      (request.method === 'GET' || request.method === 'DELETE') === (request.body === undefined) &&
      !(verb === 'beat' && request.path.startsWith('/nacos/v1') && !request.params.has('beat')) &&
      !/garbage|not json|broken|maybe|NaN|nested|array|number value|without (port|group)|no paging|bad pageNo|pageNo=0|port=|charset|GBK|600 chars|2000 chars|metadata=k1|empty (ip|accessToken)|differ|\(form\)|a@@b@@c|username\/password params|MiB|beta|cipher|encrypted|form casMd5|casMd5 wrong$|no (group|dataId|content|port|ip)|bad /.test(
        label,
      ) &&
      !request.params.has('accessToken'),
  )

  test('there is something to judge by', () => expect(usable.length).toBeGreaterThan(90))

  test.each(usable)('$label', ({ request, operation, verb }) => {
    const sent = operation.request
    expect(`${sent.method} /nacos${sent.path}`).toBe(`${request.method} ${request.path}`)
    // A body for POST and PUT, a query for GET and DELETE, never both.
    expect(sent.method === 'GET' || sent.method === 'DELETE' ? sent.form : sent.query).toBeUndefined()
    const ours = new Map(
      Object.entries({ ...sent.query, ...sent.form }).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, String(value)] as const],
      ),
    )
    for (const [name, value] of request.params) {
      if (['clusters', 'udpPort', 'clientIP', 'appName', 'desc', 'config_tags'].includes(name)) continue
      if (verb === 'list' && name === 'clusterName') continue // we take every cluster
      if (name === 'serviceName') expect(ours.get(name)?.split('@@').at(-1)).toBe(value.split('@@').at(-1))
      else if (name === 'tenant' && (value === 'public' || value === '')) expect(ours.has('tenant')).toBe(false)
      else if (name === 'namespaceId') expect(ours.get('namespaceId') ?? 'public').toBe(value || 'public')
      else if (name === 'beat' || name === 'metadata') {
        // What v3 has no parameter for, and what is no metadata to the server.
        const { customInstanceId: _id, ...sentObject } = JSON.parse(ours.get(name)!) as Record<string, unknown>
        expect(Object.keys(sentObject)).toEqual(Object.keys(JSON.parse(value) as object))
      } else if (name === 'enabled')
        expect(ours.get(name) ?? 'true').toBe(value) // on where nothing is said
      else if (name === 'healthyOnly')
        expect(ours.get(name) ?? 'false').toBe('false') // we want them all, and say so
      else expect(ours.get(name), `${verb} ${name}`).toBe(value)
    }
    expect(sent.headers?.['casMd5']).toBe(request.headers['casmd5'])
  })

  /** Parameters that the servers' own documentation names and no recording happens to carry. */
  const DOCUMENTED: Partial<Record<Verb, string[]>> = {
    deregister: ['groupName', 'namespaceId', 'clusterName', 'ephemeral'],
    register: ['clusterName', 'weight', 'enabled', 'healthy', 'ephemeral'],
    beat: ['groupName', 'clusterName', 'weight', 'enabled', 'healthy', 'ephemeral'],
    list: ['groupName', 'namespaceId'],
    listServices: ['namespaceId', 'groupNameParam'],
    deleteConfig: ['tenant', 'namespaceId'],
    publishConfig: ['namespaceId'],
  }

  test.each(VERBS.filter(([, , , verb]) => verb !== 'listen'))(
    'no parameter unheard of: %s %s',
    (method, path, dialect, verb) => {
      const same = recorded(server).filter(
        (one) => one.dialect === dialect && one.verb === verb && one.request.path === `/nacos${path}`,
      )
      const heard = new Set([...same.flatMap(({ request }) => [...request.params.keys()]), ...(DOCUMENTED[verb] ?? [])])
      for (const { operation } of same) {
        const { query, form } = operation.request
        for (const [name, value] of Object.entries({ ...query, ...form })) {
          if (value !== undefined) expect(heard, `${method} ${path} ${name}`).toContain(name)
        }
      }
    },
  )

  test('the full set of a registration', () => {
    const { operation, request } = recorded(server).find(({ label }) => label === 'v1-instance-register: all fields')!
    expect(new Set(Object.keys(operation.request.form!))).toEqual(new Set(request.params.keys()))
  })
})

test('a public namespace is named to naming and left out of configs', () => {
  const key = { namespace: '', group: 'G', dataId: 'd' }
  expect(v1.getConfig(key).request.query).toEqual({ dataId: 'd', group: 'G', tenant: undefined })
  expect(v1.list({ namespace: '', group: 'G', service: 's' }).request.query).toMatchObject({ namespaceId: 'public' })
  expect(v3.getConfig(key).request.query).toEqual({ dataId: 'd', groupName: 'G', namespaceId: 'public' })
})
