import { request } from 'undici'
import { type ClientOptions, defineClient, DELETE, GET, POST, PUT } from 'nacos-sidecar'
import { onTestFinished } from 'vitest'
import { activeRuntime } from '../../src/calls/active-runtime.js'
import { createLazyAxios } from '../../src/http/lazy-axios.js'
import { SidecarDispatcher } from '../../src/http/dispatcher.js'
import { createFetch } from '../../src/http/fetch.js'

/** A call of a service by its name; rejects where it fails, a bad status included. */
export type CallService = (method: 'GET' | 'PUT' | 'DELETE' | 'POST', path: string, body?: object) => Promise<unknown>

/** A typed client of one path, with any method. */
export function typedCall(service: string, options: ClientOptions = {}): CallService {
  const client = defineClient(
    { name: service, ...options },
    {
      GET: GET('/{path}').as<(path: string) => Promise<unknown>>(),
      DELETE: DELETE('/{path}').as<(path: string) => Promise<unknown>>(),
      PUT: PUT('/{path}').as<(path: string, body: unknown) => Promise<unknown>>(),
      POST: POST('/{path}').as<(path: string, body: unknown) => Promise<unknown>>(),
    },
  )
  return (method, path, body = {}) => {
    const segment = path.slice(1)
    return method === 'GET' || method === 'DELETE' ? client[method](segment) : client[method](segment, body)
  }
}

/** The clients that call a service by its name. */
export const callStyles: Record<string, (service: string) => CallService> = {
  'typed client': (service) => typedCall(service),
  fetch: (service) => {
    const fetch = createFetch(activeRuntime)
    return async (method, path, body) => {
      const response = await fetch(`http://${service}${path}`, { method, ...(body && { body: JSON.stringify(body) }) })
      const text = await response.text()
      if (!response.ok) throw new Error(`answered ${response.status}`)
      return JSON.parse(text) as unknown
    }
  },
  axios: (service) => {
    const http = createLazyAxios()
    return async (method, path, data) =>
      (await http.request({ url: `http://${service}${path}`, method, data })).data as unknown
  },
  undici: (service) => {
    const dispatcher = new SidecarDispatcher(activeRuntime)
    onTestFinished(() => dispatcher.close())
    return async (method, path, body) => {
      const sent = { method, dispatcher, ...(body && { body: JSON.stringify(body) }) }
      const response = await request(`http://${service}${path}`, sent)
      const text = await response.body.text()
      if (response.statusCode > 299) throw new Error(`answered ${response.statusCode}`)
      return JSON.parse(text) as unknown
    }
  },
}
