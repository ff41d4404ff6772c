import { request as httpRequest } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { wireExchanges, type WireServer } from './wire.js'

/** One recorded exchange of test/fixtures/wire. */
export interface Exchange {
  readonly title: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly answer: Answer
}

export interface Answer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The exchanges of a case file, with the bodies in full. */
export function readExchanges(server: WireServer, file: string): Exchange[] {
  return wireExchanges(server, file).map(({ title, request, response }) => ({
    title,
    method: request.method,
    path: request.target,
    headers: request.headers,
    body: request.body && expandRequest(request.body),
    answer: { status: response.status, headers: response.headers, body: expandAnswer(response.body) },
  }))
}

/** The recorder cut long bodies short: `aaa... (94416 bytes)`. */
function expandRequest(body: string): string {
  const cut = /^(.*)\.\.\. \((\d+) bytes\)$/s.exec(body)
  if (!cut) return body
  const tail = cut[1]!.includes('metadata=') ? '%22%7D' : ''
  return cut[1]!.padEnd(Number(cut[2]) - tail.length, cut[1]!.at(-1)) + tail
}

function expandAnswer(body: string): string {
  return body.replace(/^(a{200})\.\.\. \((\d+) chars\)$/, (_, _start, chars: string) => 'a'.repeat(Number(chars)))
}

/** Sends the request as the recorder (curl) did: forms by default, no client library in between. */
export function send(
  port: number,
  { method, path, headers, body }: Omit<Exchange, 'title' | 'answer'>,
): Promise<Answer> {
  const form = body === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }
  const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers: { ...form, ...length, ...headers } },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          resolve({
            status: response.statusCode!,
            headers: flat(response.headers),
            body: Buffer.concat(chunks).toString('utf8'),
          })
        })
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

/** Headers that carry meaning for a client; the rest (dates, cookies, framing) is the server's own affair. */
const HELD = [
  'content-type',
  'config-type',
  'content-md5',
  'probe-modify-response',
  'probe-modify-response-new',
  'allow',
]

/** An answer without what differs from run to run: times, ids, tokens, the order of instances and services. */
export function comparable(answer: Answer): unknown {
  return {
    status: answer.status,
    closes: answer.headers['connection'] === 'close',
    token: /^Bearer ./.test(answer.headers['authorization'] ?? ''),
    headers: Object.fromEntries(HELD.flatMap((name) => (name in answer.headers ? [[name, answer.headers[name]]] : []))),
    // HTTP clients and the recorder treat the last line break differently; nothing depends on it.
    body: parsed(answer.body) ?? answer.body.replace(/\r/g, '').trimEnd(),
  }
}

/** Status, media type and body shape: of JSON the keys and types, of text the words. */
export function shapeOf(answer: Answer): unknown {
  const { body } = comparable(answer) as { body: unknown }
  return {
    status: answer.status,
    mediaType: answer.headers['content-type']?.split(';')[0],
    body: typeof body === 'string' ? body : typeOnly(body),
  }
}

/** What differs between two of these, a line each; '' where nothing does. */
export function differencesOf(got: unknown, wanted: unknown, at = ''): string {
  if (JSON.stringify(got) === JSON.stringify(wanted)) return ''
  if (isPlain(got) && isPlain(wanted)) {
    const names = [...new Set([...Object.keys(got), ...Object.keys(wanted)])]
    const lines = names.map((name) => differencesOf(got[name], wanted[name], `${at}.${name}`))
    return lines.filter(Boolean).join('\n')
  }
  return `  ${at}: got ${short(got)}, recorded ${short(wanted)}`
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 600 ? `${text.slice(0, 600)}…` : text
}

const VOLATILE = new Set([
  'timestamp',
  'lastRefTime',
  'id',
  'createTime',
  'modifyTime',
  'lastModified',
  'accessToken',
  'server_port',
  'version',
])

function parsed(body: string): unknown {
  if (!/^\s*[[{]/.test(body)) return undefined
  try {
    return stable(JSON.parse(body))
  } catch {
    return undefined
  }
}

function stable(value: unknown, key = ''): unknown {
  if (VOLATILE.has(key)) return `<${typeof value}>`
  if (key === 'doms') return (value as string[]).map(() => '<name>')
  if (Array.isArray(value))
    return value.map((item) => stable(item)).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, item]) => [name, stable(item, name)]))
}

function typeOnly(value: unknown): unknown {
  if (Array.isArray(value))
    return [...new Map(value.map(typeOnly).map((item) => [JSON.stringify(item), item])).values()]
  if (typeof value !== 'object' || value === null) return value === null ? null : typeof value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, typeOnly(item)]))
}
