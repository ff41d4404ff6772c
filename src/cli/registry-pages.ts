import { createHttpClient, type HttpClient } from '../nacos/http/client.js'
import type { HttpTransport } from '../nacos/http/transport.js'
import type { Params } from '../nacos/http/wire.js'
import type { ConnectionOptions } from '../settings/connection.js'
import type { ServerAddress } from '../settings/server-address.js'
import { isObject } from '../util/is-object.js'

const MAX_RESPONSE_BYTES = 4 * 1024 * 1024

export interface PageRequest {
  readonly connection: ConnectionOptions
  readonly address: ServerAddress
  readonly path: string
  readonly query?: Params
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

/** A page that only the console asks for; `undefined` if there is no answer. */
export async function getPage(request: PageRequest): Promise<Awaited<ReturnType<HttpClient['send']>> | undefined> {
  const { connection, address, path, query, headers, timeoutMs } = request
  const { contextPath, tls } = connection
  const client = createHttpClient({ contextPath, tls, maxResponseBytes: MAX_RESPONSE_BYTES })
  const wire = { method: 'GET', path, ...(query && { query }), ...(headers && { headers }) } as const
  try {
    return await client.send(address, wire, { timeoutMs, signal: new AbortController().signal, idempotent: true })
  } catch {
    return undefined
  } finally {
    client.close()
  }
}

/** The objects of a list under one of these names of a page; `undefined` where the server gives none. */
export async function listFrom(
  { tokens, source }: HttpTransport,
  request: Omit<PageRequest, 'address' | 'headers'>,
  field: string,
): Promise<Record<string, unknown>[] | undefined> {
  const [address] = source.current
  if (!address) return undefined
  const token = await tokens?.token()
  const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const asked = await getPage({ ...request, address, headers })
  if (asked?.status !== 200) return undefined
  try {
    const page: unknown = JSON.parse(asked.body)
    const data: unknown = isObject(page) ? page['data'] : undefined
    const list: unknown = isObject(page) ? (page[field] ?? (isObject(data) ? data[field] : undefined)) : undefined
    return Array.isArray(list) ? list.filter(isObject) : undefined
  } catch {
    return undefined
  }
}
