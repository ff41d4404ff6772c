import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The servers whose exchanges are recorded. */
export const WIRE_SERVERS = ['nacos-2.2.4', 'nacos-3.0.3', 'rnacos'] as const
export type WireServer = (typeof WIRE_SERVERS)[number]

/** One recorded request with its answer. */
export interface WireExchange {
  readonly title: string
  readonly request: {
    readonly method: string
    /** Path and query as recorded. */
    readonly target: string
    /** Path without the query. */
    readonly path: string
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
    /** Query and form body together, decoded. */
    readonly params: ReadonlyMap<string, string>
  }
  readonly response: {
    readonly status: number
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
    /** True where the recording itself shortened the body (`... (94371 chars)`). */
    readonly shortened: boolean
  }
}

const folder = fileURLToPath(new URL('../fixtures/wire/', import.meta.url))

/** The case files of a server, without `.txt`. */
export function wireCases(server: WireServer): string[] {
  return readdirSync(`${folder}${server}`)
    .filter((name) => name.endsWith('.txt'))
    .map((name) => name.slice(0, -4))
}

/** The HTTP exchanges of one case; none for a file that holds something else (gRPC, timings). */
export function wireExchanges(server: WireServer, name: string): WireExchange[] {
  const text = readFileSync(`${folder}${server}/${name}.txt`, 'utf8')
  return text
    .split(/^### /m)
    .slice(1)
    .flatMap((block) => parseExchange(block) ?? [])
}

function parseExchange(block: string): WireExchange | undefined {
  const lines = block.split('\n')
  const title = lines.shift() ?? ''
  const sent = takeWhile(lines, '> ')
  const received = takeWhile(lines, '< ')
  const line = /^(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) (\S+)$/.exec(sent.shift() ?? '')
  const status = /^HTTP\/1\.1 (\d{3})/.exec(received.shift() ?? '')
  if (!line || !status) return undefined

  const end = lines.findIndex((text) => /^-- \d+ ms$/.test(text))
  const raw = lines.slice(0, end < 0 ? undefined : end).join('\n')
  const body =
    sent
      .find((text) => text.startsWith('body:'))
      ?.slice('body:'.length)
      .trimStart() ?? ''
  const target = line[2]!
  const [path = '', query = ''] = target.split('?')
  return {
    title,
    request: {
      method: line[1]!,
      target,
      path,
      headers: headersOf(sent.filter((text) => !text.startsWith('body:'))),
      body,
      params: new Map([...new URLSearchParams(query), ...(body.startsWith('{') ? [] : new URLSearchParams(body))]),
    },
    response: {
      status: Number(status[1]),
      headers: headersOf(received),
      body: raw,
      shortened: /\.\.\. \(\d+ chars\)$/.test(raw),
    },
  }
}

function takeWhile(lines: string[], prefix: string): string[] {
  const taken: string[] = []
  while (lines[0]?.startsWith(prefix) || lines[0] === prefix.trimEnd()) taken.push(lines.shift()!.slice(prefix.length))
  return taken
}

function headersOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
}
