import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { reasonOf } from '../errors.js'
import type { OperationSample, OperationStats, StatsPeriod } from './operation.js'
import type { StatsReporter } from './reporting.js'

/** Where a collector is, and who reports. */
export interface CollectorOptions {
  /** Base URL. */
  readonly url: string
  readonly appId: string
  /** Sent only in the body of the login. */
  readonly secret: string | undefined
  /** `ip@pid`, when it is known. */
  readonly clientId: () => string
  /** @default Node's own */
  readonly fetch?: typeof globalThis.fetch
}

/** A larger body is sent compressed, to a path of its own. */
const MAX_PLAIN_BYTES = 1024
/** The collector refuses longer names. */
const MAX_NAME = 200
/** A token is renewed this long before it expires. */
const RENEW_MS = 60_000

const compress = promisify(gzip)

/**
 * Reports each period to a collector that speaks the HTTP API of Stardust (`POST /App/Login`, `/Trace/Report`,
 * `/Trace/ReportRaw`): one builder for each operation, its samples as spans. The token goes in a header, never in a URL.
 * The sampling that the collector answers with is not followed: `sidecar.observe` in Nacos decides.
 */
export function createStardustReporter(options: CollectorOptions): StatsReporter {
  const { appId, secret, fetch = globalThis.fetch } = options
  const base = options.url.replace(/\/+$/, '')
  const { host } = new URL(base)
  let token: string | undefined
  let renewAt = Infinity

  async function login(signal: AbortSignal): Promise<string> {
    const model = { AppId: appId, Secret: secret ?? '', ClientId: options.clientId(), AppName: appId }
    const { Token: own, Expire: seconds } = await post('/App/Login', JSON.stringify(model), {}, signal)
    if (typeof own !== 'string' || own === '') throw new Error(`${host}/App/Login: the answer holds no token`)
    const lifeMs = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : Infinity
    renewAt = performance.now() + lifeMs - Math.min(RENEW_MS, lifeMs / 10)
    return (token = own)
  }

  async function post(
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const init = { method: 'POST', body, signal, redirect: 'error' as const }
    const sent = { 'content-type': 'application/json; charset=utf-8', ...headers }
    const send = () => fetch(base + path, { ...init, headers: sent })
    // A connection that was kept open may be gone: once more, on another one.
    const response = await send().catch((error: unknown) => {
      if (signal.aborted || !(error instanceof TypeError)) throw error
      return send()
    })
    const answer = (await response.json().catch(() => ({}))) as {
      code?: unknown
      data?: Record<string, unknown>
    } | null
    // Its message is not repeated: it may quote what was sent.
    const code = response.ok ? (answer?.code ?? 0) : response.status
    if (code !== 0) throw new Refusal(`${host}${path}: code ${String(code).slice(0, 20)}`, code === 401 || code === 403)
    return answer?.data ?? {}
  }

  async function report(period: StatsPeriod, signal: AbortSignal): Promise<void> {
    if (token === undefined || performance.now() >= renewAt) await login(signal)
    const text = JSON.stringify(modelOf(period, appId, options.clientId()))
    const large = Buffer.byteLength(text) > MAX_PLAIN_BYTES
    const body = large ? new Uint8Array(await compress(text)) : text
    const path = large ? '/Trace/ReportRaw' : '/Trace/Report'
    const type: Record<string, string> = large ? { 'content-type': 'application/x-gzip' } : {}
    const send = () => post(path, body, { ...type, authorization: `Bearer ${token}` }, signal)
    try {
      await send()
    } catch (error) {
      if (!(error instanceof Refusal) || !error.ofToken) throw error
      await login(signal)
      await send()
    }
  }

  return {
    async report(period, { signal }) {
      if (period.operations.length === 0) return
      try {
        await report(period, signal)
      } catch (error) {
        if (error instanceof TypeError) throw new Error(`${host}: ${reasonOf(error)}`, { cause: error })
        throw error
      }
    },
  }
}

/** The collector has answered, and refuses. */
class Refusal extends Error {
  constructor(
    message: string,
    /** A new token may help. */
    readonly ofToken: boolean,
  ) {
    super(message)
  }
}

function modelOf({ from, to, operations }: StatsPeriod, appId: string, clientId: string) {
  const times = { StartTime: from.getTime(), EndTime: to.getTime() }
  const builders = operations.map((operation) => ({
    Name: nameOf(operation),
    ...times,
    Total: operation.count,
    Errors: operation.errors,
    Cost: Math.round(operation.total),
    MaxCost: Math.round(operation.max),
    MinCost: Math.round(operation.min),
    Samples: operation.samples.map(spanOf),
    ErrorSamples: operation.errorSamples.map(spanOf),
  }))
  return { AppId: appId, AppName: appId, ClientId: clientId, Builders: builders }
}

/** A request served goes by its name; of other kinds two may have the same one. */
function nameOf({ kind, name }: OperationStats): string {
  return (kind === 'server' ? name : `${kind}:${name}`).slice(0, MAX_NAME)
}

function spanOf({ at, ms, traceId, status, code, instance, attempts, tags }: OperationSample) {
  const end = at.getTime()
  const facts = { status, instance, attempts, ...tags }
  const tag = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
  return {
    ...{ Id: randomBytes(8).toString('hex'), ParentId: '', TraceId: traceId ?? randomBytes(16).toString('hex') },
    ...{ StartTime: Math.round(end - ms), EndTime: end },
    ...{ Tag: tag.join(' '), Error: code ?? (status !== undefined && status >= 400 ? `HTTP ${status}` : '') },
  }
}
