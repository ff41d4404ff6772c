import { readFileSync } from 'node:fs'

export interface Recorded {
  readonly section: string
  readonly from: 'client' | 'server' | 'push'
  readonly type: string
  readonly headers: Record<string, string>
  /** As it was on the wire. */
  readonly json: string
}

export const SERVERS = ['nacos-2.2.4', 'nacos-3.0.3', 'rnacos'] as const

/** The messages of a `grpc.txt`. */
export function recorded(server: (typeof SERVERS)[number]): Recorded[] {
  const file = new URL(`../../fixtures/wire/${server}/grpc.txt`, import.meta.url)
  const lines = readFileSync(file, 'utf8').split('\n')
  const messages: Recorded[] = []
  let section = ''
  lines.forEach((line, index) => {
    if (line.startsWith('### ')) section = line.slice(4)
    const head = /^(>|<<?) (\w+(?:Request|Response))(?: headers (\{.*\}))?$/.exec(line)
    if (!head) return
    messages.push({
      section,
      from: head[1] === '>' ? 'client' : head[1] === '<' ? 'server' : 'push',
      type: head[2]!,
      headers: head[3] ? (JSON.parse(head[3]) as Record<string, string>) : {},
      json: lines[index + 1]!.slice(2),
    })
  })
  return messages
}
