/** Meant for one connection only, or made anew for each request; never forwarded. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
  'content-length',
])

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-zA-Z]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

export function isHeaderName(text: string): boolean {
  return NAME.test(text)
}

/** As the parser of Node takes it: Latin-1, one line. */
export function isHeaderValue(text: string): boolean {
  return VALUE.test(text)
}
