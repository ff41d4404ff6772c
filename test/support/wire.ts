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
    /** `undefined` where there was none; an empty one is ''. */
    readonly body: string | undefined
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
  return blocksOf(server, name).flatMap((block) => parseExchange(block) ?? [])
}

/** One recorded message of a gRPC connection. */
export interface WireMessage {
  readonly from: 'client' | 'server' | 'push'
  readonly type: string
  readonly headers: Readonly<Record<string, string>>
  /** As it was on the wire. */
  readonly json: string
}

/** The messages of `grpc.txt`, in sections as they were recorded. */
export function wireMessages(server: WireServer): { title: string; messages: WireMessage[] }[] {
  return blocksOf(server, 'grpc').map((block) => {
    const [title = '', ...lines] = block.split('\n')
    return { title, messages: lines.flatMap((line, index) => parseMessage(line, lines[index + 1]) ?? []) }
  })
}

function blocksOf(server: WireServer, name: string): string[] {
  return readFileSync(`${folder}${server}/${name}.txt`, 'utf8').split(/^### /m).slice(1)
}

function parseMessage(head: string, body = ''): WireMessage | undefined {
  const [, mark, type, headers = '{}'] = /^(>|<<?) (\w+(?:Request|Response))(?: headers (\{.*\}))?$/.exec(head) ?? []
  if (!type) return undefined
  const from = mark === '>' ? 'client' : mark === '<' ? 'server' : 'push'
  return { from, type, headers: JSON.parse(headers) as Record<string, string>, json: body.slice(2) }
}

function parseExchange(block: string): WireExchange | undefined {
  const lines = block.split('\n')
  const title = lines.shift() ?? ''
  const sent = takeWhile(lines, '> ')
  const received = takeWhile(lines, '< ')
  const line = /^(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) (\S+)$/.exec(sent.shift() ?? '')
  const status = /^HTTP\/1\.1 (\d{3})/.exec(received.shift() ?? '')
  if (!line || !status) return undefined

  const end = lines.findIndex((text) => /^(-- \d+ ms|!! )/.test(text))
  const raw = lines.slice(0, end < 0 ? undefined : end).join('\n')
  const body = sent
    .find((text) => text.startsWith('body:'))
    ?.slice('body:'.length)
    .trimStart()
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
      params: new Map([...new URLSearchParams(query), ...(body?.startsWith('{') ? [] : new URLSearchParams(body))]),
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
