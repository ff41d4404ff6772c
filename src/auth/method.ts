import type { IncomingMessage } from 'node:http'

/** `_method` in a query, however it is encoded: looked for before the query is parsed. */
const MAY_OVERRIDE = /(?:_|%5f)(?:m|%[46]d)/i
const PARAMETER = /^(?:_method(?:\[.*)?|\[_method\].*)$/is
const METHOD = /^[A-Z][A-Z-]{0,31}$/

/**
 * The methods that may run: that of the request, and the one a method override names, for one cannot know whether the
 * app obeys it. A `_method` in a body cannot be seen from here.
 *
 * @param url the request target as the router sees it
 * @returns `undefined` where it names several, or none that is one
 */
export function methodsOf(request: IncomingMessage, url: string): string | readonly string[] | undefined {
  const own = handlerOf(request.method)
  if (!url.includes('?') && !hasOverride(request)) return own
  let other: string | undefined
  for (const named of overrides(request, url)) {
    const method = handlerOf(named.trim().toUpperCase())
    if (method === own || method === '') continue
    if (!METHOD.test(method) || (other !== undefined && other !== method)) return undefined
    other = method
  }
  return other === undefined ? own : [own, other]
}

/** Express, Fastify and Koa run the GET handler for HEAD. */
export function handlerOf(method = 'GET'): string {
  return method === 'HEAD' ? 'GET' : method
}

/**
 * Headers by which middleware behind the guard may be made to run another method, each by its name: a loop costs more.
 */
function headersOf({ headers }: IncomingMessage) {
  return [headers['x-http-method-override'], headers['x-method-override'], headers['x-http-method']] as const
}

/** Whether a header asks for another method. */
export function hasOverride({ headers }: IncomingMessage): boolean {
  return (
    headers['x-http-method-override'] !== undefined ||
    headers['x-method-override'] !== undefined ||
    headers['x-http-method'] !== undefined
  )
}

function overrides(request: IncomingMessage, url: string): readonly string[] {
  const named: string[] = []
  for (const value of headersOf(request)) if (value !== undefined) named.push(...String(value).split(','))
  const start = url.indexOf('?')
  if (start < 0 || !MAY_OVERRIDE.test(url)) return named
  for (const [name, value] of new URLSearchParams(url.slice(start + 1))) {
    if (PARAMETER.test(name)) named.push(...value.split(','))
  }
  return named
}
