export const SERVICE = 'bench-provider'

/** A token as long as a small JWT, and a trace: what a service passes on. */
export const CONTEXT = {
  token: `eyJhbGciOiJIUzI1NiJ9.${'eyJzdWIiOiIxMDAxIiwicm9sZSI6InVzZXIifQ'.repeat(3)}.c2lnbmF0dXJl`,
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
}

export interface OpenOptions {
  /** `host:port` */
  readonly registry: string
  /** `http://host:port` of one instance of the provider. */
  readonly origin: string
  /** URL of another build of the package. */
  readonly build?: string | undefined
}

export interface User {
  readonly id: string
}

/** Gets one user, parsed. */
export type GetUser = (id: string) => Promise<User>

export interface Contender {
  readonly getUser: GetUser
  /** Runs what calls it, where that has to be in a context. */
  within?<T>(run: () => T): T
}

/** In the order of the table. */
export const CONTENDERS = {
  ours: 'typed call',
  oursUnobserved: 'typed call, figures off',
  oursObserved: 'typed call, all of observability on',
  poolDispatch: 'undici pool.dispatch',
  poolRequest: 'undici pool.request',
  poolRequestSameHeaders: 'pool.request, same headers',
  undiciRequest: 'undici.request(url)',
  nodeHttp: 'node:http, keep-alive',
  axios: 'axios, keep-alive',
  fetch: 'fetch',
  npmNacosAxios: 'npm nacos + axios',
} as const

export type ContenderName = keyof typeof CONTENDERS
export const NAMES = Object.keys(CONTENDERS) as ContenderName[]
