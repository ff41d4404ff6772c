import type { Dispatcher } from 'undici'
import { addContextHeaders } from '../calls/propagation.js'
import type { RequestContext } from '../context.js'
import type { CallTrace } from '../tracing/call-trace.js'

type Options = Dispatcher.DispatchOptions

/** The options of a request with the headers of its span, and those of the request being handled. */
export function withContext(
  options: Options,
  context: RequestContext | undefined,
  versionHeader: string,
  trace: CallTrace | undefined,
): Options {
  if (context === undefined && trace === undefined) return options
  return { ...options, headers: [...addContextHeaders(flat(options.headers), context, versionHeader, trace)] }
}

/** undici takes headers in many shapes; this makes names and values by turns of them. */
function flat(headers: Options['headers']): string[] {
  if (headers === null || headers === undefined) return []
  if (Array.isArray(headers))
    return headers.map((item, index) => (index % 2 === 0 ? String(item).toLowerCase() : item)) as string[]
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers)
  return pairs.flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().flatMap((item) => [name.toLowerCase(), String(item)]),
  )
}

/** Without a `Host` that is the name of the service: over TLS undici checks the certificate for it, and a proxy routes by it. */
export function withoutHostOf(service: string, options: Options): Options {
  const headers = flat(options.headers)
  const at = headers.findIndex((name, index) => index % 2 === 0 && name === 'host')
  if (at < 0 || headers[at + 1]!.replace(/:\d+$/, '').toLowerCase() !== service.toLowerCase()) return options
  return { ...options, headers: headers.toSpliced(at, 2) }
}
