import { SidecarError } from '../errors.js'
import type { Config } from '../config/config.js'
import { parseServiceName } from '../instance.js'
import type { Sidecar } from '../sidecar.js'
import type { ServiceInstance } from '../types.js'
import { isPlainObject } from '../util/is-object.js'
import type { EmitOptions } from '../event-bus.js'
import { sendTo } from './call.js'
import { emitTo } from './emit.js'
import { namesIn, namespaceOf } from './services.js'
import { timersOf, type InstanceTimers } from './timers.js'

/** One service, as a prompt calls it. Each method resolves to the value of the body; a status of 400 and above rejects. */
export type ShellClient = Readonly<
  Record<'get' | 'delete' | 'head', (path: string, init?: RequestInit) => Promise<unknown>> &
    Record<'post' | 'put' | 'patch', (path: string, body?: unknown, init?: RequestInit) => Promise<unknown>>
>

/** The names that a prompt and a script have. */
export interface ShellTools {
  readonly sidecar: Sidecar
  readonly config: Config
  /** The names of the services of the group. */
  services(): Promise<string[]>
  /** Every instance of a service, healthy or not. */
  instances(service: string): Promise<ServiceInstance[]>
  call(service: string): ShellClient
  /** `clients['user-service']` is `call('user-service')`. */
  readonly clients: Readonly<Record<string, ShellClient>>
  /** Emits an event in the name of a service; settles when the broker has it. */
  emit(source: string, type: string, data?: unknown, options?: EmitOptions): Promise<void>
  /** The timers of each running instance of a service, by its page `/_sidecar`. @param service default: that of this folder */
  timers(service?: string): Promise<InstanceTimers[]>
}

export function createTools(sidecar: Sidecar): ShellTools {
  const { group } = sidecar.settings.cloud.nacos.discovery
  const call = (service: string) => clientOf(sidecar, service)
  return {
    sidecar,
    config: sidecar.config,
    services: () => namesIn(sidecar, group),
    instances: (service) => sidecar.nacos.list(parseServiceName(service, namespaceOf(sidecar), group)),
    call,
    emit: async (source, type, data = null, options = {}) => {
      await emitTo(sidecar, undefined, source, type, data, options)
    },
    timers: (service) => timersOf(sidecar, service),
    clients: new Proxy<Record<string, ShellClient>>(
      {},
      { get: (target, name) => (typeof name === 'string' ? call(name) : Reflect.get(target, name)) },
    ),
  }
}

function clientOf(sidecar: Sidecar, service: string): ShellClient {
  const send = async (method: string, path: string, init: RequestInit = {}) => {
    const response = await sendTo(sidecar, service, path.startsWith('/') ? path : `/${path}`, { ...init, method })
    const text = await response.text()
    const json = /\bjson\b/i.test(response.headers.get('content-type') ?? '')
    const value: unknown = json && text !== '' ? JSON.parse(text) : text
    if (response.status < 400) return value
    throw new SidecarError('SIDECAR_CALL_STATUS', `${method} ${path} of ${service}: HTTP ${response.status} ${text}`)
  }
  const plain = (method: string) => (path: string, init?: RequestInit) => send(method, path, init)
  const withBody = (method: string) => (path: string, body?: unknown, init?: RequestInit) =>
    send(method, path, withContent(body, init))
  return {
    ...{ get: plain('GET'), delete: plain('DELETE'), head: plain('HEAD') },
    ...{ post: withBody('POST'), put: withBody('PUT'), patch: withBody('PATCH') },
  }
}

/** An object or an array is sent as JSON, anything else as it is. */
function withContent(body: unknown, init: RequestInit = {}): RequestInit {
  if (body === undefined) return init
  if (!isPlainObject(body) && !Array.isArray(body)) return { ...init, body: body as RequestInit['body'] & {} }
  const headers = new Headers(init.headers)
  if (!headers.has('content-type')) headers.set('content-type', 'application/json')
  return { ...init, headers, body: JSON.stringify(body) }
}
