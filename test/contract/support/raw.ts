import { createHash } from 'node:crypto'
import type { ConfigKey, ServiceInstance, ServiceKey } from 'nacos-sidecar'
import { CLUSTERS, type ContractTarget } from './target.js'

/** What the server itself said. */
export interface RawAnswer {
  readonly status: number
  readonly type: string
  readonly headers: Headers
  readonly text: string
  /** The body as JSON; throws where it is none. */
  json(): Record<string, unknown>
}

export interface RawRequest {
  query?: Record<string, string>
  form?: Record<string, string>
  headers?: Record<string, string>
  /** Sends no token though the server wants one. */
  anonymous?: boolean
  token?: string
  timeoutMs?: number
}

/** An instance as the server lists it. */
export interface RawHost {
  readonly ip: string
  readonly port: number
  readonly weight: number
  readonly healthy: boolean
  readonly enabled: boolean
  readonly ephemeral: boolean
  readonly clusterName: string
  readonly metadata: Record<string, string>
}

export interface RawConfig {
  readonly content: string
  readonly md5: string
  readonly type: string | undefined
}

export type RawRegistry = ReturnType<typeof createRaw>

/**
 * The independent client: plain requests, written from the recorded exchanges, sharing no line with the client. It
 * uses v1 if the server has it, so that a v3 client is checked through another API.
 */
export function createRaw(target: ContractTarget) {
  const base = `http://${target.server}/nacos`
  const { v1, configWrite, instanceUpdate } = target.capabilities
  const credentials = target.auth ?? target.admin
  let token: Promise<string> | undefined

  async function send(method: string, path: string, request: RawRequest = {}): Promise<RawAnswer> {
    const query = new URLSearchParams(request.query).toString()
    const headers: Record<string, string> = { ...request.headers }
    const bearer = request.token ?? (credentials && !request.anonymous ? await currentToken() : undefined)
    if (bearer !== undefined) headers['authorization'] = `Bearer ${bearer}`
    const response = await fetch(`${base}${path}${query && `?${query}`}`, {
      method,
      headers,
      ...(request.form && { body: new URLSearchParams(request.form) }),
      signal: AbortSignal.timeout(request.timeoutMs ?? 10_000),
    })
    const text = await response.text()
    return {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      headers: response.headers,
      text,
      json: () => JSON.parse(text) as Record<string, unknown>,
    }
  }

  /** Used for a third of its life, so that it never runs out on the way. */
  function currentToken(): Promise<string> {
    token ??= newToken().finally(() => setTimeout(() => (token = undefined), credentials!.tokenTtlMs / 3).unref())
    return token
  }

  async function newToken(): Promise<string> {
    const { username, password } = credentials!
    return String((await login(username, password)).json()['accessToken'])
  }

  /** The 3.x address on servers that have no v1, the old one elsewhere. */
  function login(username: string, password: string): Promise<RawAnswer> {
    const path = v1 ? '/v1/auth/login' : '/v3/auth/user/login'
    return send('POST', path, { form: { username, password }, anonymous: true })
  }

  const namingPath = v1 ? '/v1/ns' : '/v3/client/ns'

  return {
    send,
    login,
    newToken,

    register: (i: Pick<ServiceInstance, keyof ServiceKey | 'ip' | 'port'> & Partial<RawHost>) =>
      send('POST', `${namingPath}/instance`, { form: instanceForm(i) }),

    deregister: (i: Pick<ServiceInstance, keyof ServiceKey | 'ip' | 'port'> & Partial<RawHost>) =>
      send('DELETE', `${namingPath}/instance`, { query: instanceForm(i) }),

    /** An operator's word on an instance. */
    update: (i: Pick<ServiceInstance, keyof ServiceKey | 'ip' | 'port'> & Partial<RawHost>) =>
      send('PUT', instanceUpdate === 'v1' ? '/v1/ns/instance' : '/v3/admin/ns/instance', { form: instanceForm(i) }),

    async hosts(key: ServiceKey, query: Record<string, string> = {}): Promise<RawHost[]> {
      const answer = await send('GET', `${namingPath}/instance/list`, {
        // The client list of Nacos 3.0 to 3.2 holds the clusters that are named, and DEFAULT where none is.
        query: {
          ...serviceQuery(key),
          ...(v1 ? { healthyOnly: 'false' } : { clusterName: CLUSTERS.join() }),
          ...query,
        },
      })
      if (answer.status !== 200) throw new Error(`list: ${answer.status} ${answer.text}`)
      const { hosts, data } = answer.json()
      return (v1 ? hosts : data) as RawHost[]
    },

    publish: (key: ConfigKey, content: string, type?: string) =>
      send('POST', configWrite === 'v1' ? '/v1/cs/configs' : '/v3/admin/cs/config', {
        form: { ...configQuery(key, configWrite !== 'v1'), content, ...(type && { type }) },
      }),

    remove: (key: ConfigKey) =>
      send('DELETE', configWrite === 'v1' ? '/v1/cs/configs' : '/v3/admin/cs/config', {
        query: configQuery(key, configWrite !== 'v1'),
      }),

    async config(key: ConfigKey): Promise<RawConfig | undefined> {
      const answer = await send('GET', v1 ? '/v1/cs/configs' : '/v3/client/cs/config', { query: configQuery(key, !v1) })
      if (v1) {
        if (answer.status === 404) return undefined
        if (answer.status !== 200) throw new Error(`config: ${answer.status} ${answer.text}`)
        const header = (name: string) => answer.headers.get(name) ?? undefined
        return { content: answer.text, md5: header('content-md5') ?? '', type: header('config-type') }
      }
      const { code, data } = answer.json() as { code: number; data: Record<string, string> }
      if (code === 20004) return undefined
      if (code !== 0) throw new Error(`config: ${answer.status} ${answer.text}`)
      return { content: data['content']!, md5: data['md5']!, type: data['contentType'] }
    },

    /** The v1 long poll. `md5` is what the listener claims to hold. */
    listen: (entries: readonly (ConfigKey & { md5: string })[], holdMs: number | undefined) =>
      send('POST', '/v1/cs/configs/listener', {
        form: {
          'Listening-Configs': entries
            .map((e) => `${[e.dataId, e.group, e.md5, e.namespace].join('\x02')}\x01`)
            .join(''),
        },
        ...(holdMs !== undefined && { headers: { 'Long-Pulling-Timeout': String(holdMs) } }),
        timeoutMs: 45_000,
      }),
  }
}

/** Hex MD5 of the text in UTF-8. */
export function md5(text: string): string {
  return createHash('md5').update(text, 'utf8').digest('hex')
}

function serviceQuery(key: ServiceKey): Record<string, string> {
  return { serviceName: key.service, groupName: key.group, namespaceId: key.namespace || 'public' }
}

function instanceForm(
  i: Pick<ServiceInstance, keyof ServiceKey | 'ip' | 'port'> & Partial<RawHost>,
): Record<string, string> {
  const form: Record<string, string> = { ...serviceQuery(i), ip: i.ip, port: String(i.port) }
  for (const key of ['weight', 'healthy', 'enabled', 'ephemeral', 'clusterName'] as const) {
    if (i[key] !== undefined) form[key] = String(i[key])
  }
  if (i.metadata) form['metadata'] = JSON.stringify(i.metadata)
  return form
}

function configQuery(key: ConfigKey, v3: boolean): Record<string, string> {
  return v3
    ? { dataId: key.dataId, groupName: key.group, namespaceId: key.namespace || 'public' }
    : { dataId: key.dataId, group: key.group, tenant: key.namespace }
}
