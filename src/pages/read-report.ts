import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { networkInterfaces } from 'node:os'
import { isLocalAddress } from './local-request.js'
import type { StatusReport } from './status-report.js'

/** An instance as a registry lists it. */
export interface ListedInstance {
  readonly ip: string
  readonly port: number
  readonly metadata: Readonly<Record<string, string>>
}

/** What an instance says of itself; of an earlier version of this library, less than all. */
export interface ReadReport {
  readonly report: Partial<StatusReport>
}

/** Why it could not be read, for a person. */
export interface UnreadReport {
  readonly reason: string
}

export interface ReadReportOptions {
  /** Of instances on other machines, or behind the guard. @default none */
  readonly token?: string | undefined
  readonly timeoutMs: number
}

/** Where the page is. */
export interface PageAddress {
  readonly port: number
  readonly path: string
  readonly secure: boolean
}

const MAX_BYTES = 8 * 1024 * 1024

/** Whether the instance runs on this machine, by its address. */
export function runsHere({ ip }: Pick<ListedInstance, 'ip'>): boolean {
  if (ip === 'localhost' || isLocalAddress(ip)) return true
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === ip))
}

/**
 * Asks an instance for its `/_sidecar/status.json`: over the loopback interface where it runs on this machine, because it answers
 * without a token there. A redirect is not followed. Never rejects.
 */
export async function readReport(
  instance: ListedInstance,
  { token, timeoutMs }: ReadReportOptions,
): Promise<ReadReport | UnreadReport> {
  const page = pageAddress(instance)
  if (!page) return { reason: 'its metadata (management.port, management.context-path) names no address' }
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs).unref()
  try {
    return await readFrom(instance, page, token, controller.signal)
  } finally {
    clearTimeout(timer)
  }
}

async function readFrom(
  instance: ListedInstance,
  { port, path, secure }: PageAddress,
  token: string | undefined,
  signal: AbortSignal,
): Promise<ReadReport | UnreadReport> {
  const hosts = runsHere(instance) ? ['127.0.0.1', '::1'] : [instance.ip]
  for (const [index, host] of hosts.entries()) {
    try {
      const { status, body } = await ask(
        { host, port, path: `${path}/status.json`, signal, headers: headersOf(token) },
        secure,
      )
      return readAnswer(status, body)
    } catch (error) {
      if (index === hosts.length - 1 || (error as NodeJS.ErrnoException).code !== 'ECONNREFUSED')
        return {
          reason: `it does not answer on port ${port}: ${reasonOf(error, signal)}`,
        }
    }
  }
  return { reason: 'it does not answer' }
}

/**
 * Where the page `/_sidecar` of an instance is. A registry is not trusted: nothing but the path of this page is asked for.
 *
 * @returns `undefined` where its metadata names no address
 */
export function pageAddress({ port: own, metadata }: ListedInstance): PageAddress | undefined {
  const management = metadata['management.port']
  const port = Number(management ?? own)
  const prefix = metadata['management.context-path'] ?? ''
  if (!Number.isInteger(port) || port < 1 || port > 65_535 || !/^(?:\/[\w.~-]+)*\/?$/.test(prefix)) return undefined
  const secure = metadata['secure'] === 'true' && management === undefined
  return { port, path: `${prefix.replace(/\/$/, '')}/_sidecar`, secure }
}

/** Node says no more than that it was aborted. */
function reasonOf(error: unknown, { aborted, reason }: AbortSignal): string {
  const why: unknown = aborted ? reason : error
  return why instanceof Error ? why.message : String(why)
}

function headersOf(token: string | undefined): Record<string, string> {
  return { Accept: 'application/json', ...(token !== undefined && { Authorization: `Bearer ${token}` }) }
}

function ask(options: RequestOptions, secure: boolean): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const sent = (secure ? httpsRequest : httpRequest)({ ...options, agent: false }, (response) => {
      textOf(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) throw new Error(`its answer has more than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function readAnswer(status: number, body: string): ReadReport | UnreadReport {
  const value = objectIn(body)
  const message = typeof value?.['message'] === 'string' ? value['message'] : undefined
  if (status === 401 || status === 403)
    return { reason: `HTTP ${status}${message === undefined ? '' : `: ${message}`}` }
  if (status === 404)
    return { reason: 'it has no /_sidecar: production without sidecar.page, sidecar.page: false, or another program' }
  if (status !== 200) return { reason: `HTTP ${status}` }
  if (value?.['version'] !== 1) return { reason: 'what it answers at /_sidecar/status.json is no report' }
  return { report: value }
}

function objectIn(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
