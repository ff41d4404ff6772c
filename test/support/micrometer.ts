import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What a real Spring Boot app with Micrometer answered: `npx tsx scripts/record-metrics.ts` records it. */
export const MICROMETER = fileURLToPath(new URL('../fixtures/micrometer', import.meta.url))

/** One request to the actuator of the Spring app, and its answer. */
export interface ActuatorExchange {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly path: string
  readonly body?: string
  readonly accept?: string
  readonly contentType?: string
  readonly answer: { readonly status: number; readonly contentType: string | null; readonly body: string }
}

/** Named by what is asked; `histogram`: the Prometheus page with `percentiles-histogram`. */
export type MicrometerRecord = Readonly<Record<string, ActuatorExchange>>

export function readMicrometer(): MicrometerRecord {
  return JSON.parse(readFileSync(`${MICROMETER}/exchanges.json`, 'utf8')) as MicrometerRecord
}

/** One line of a page in Prometheus' text format. */
export interface PageSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Reads Prometheus' text format, with the rules of its specification alone. @throws for a line that is none of it */
export function readPage(page: string): { samples: PageSample[]; types: Map<string, string> } {
  const samples: PageSample[] = []
  const types = new Map<string, string>()
  for (const line of page.split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line)
    if (type) {
      if (types.has(type[1]!)) throw new Error(`two families are named ${type[1]}`)
      types.set(type[1]!, type[2]!)
    }
    if (line === '' || line.startsWith('#')) continue
    const [, name, inner = '', value] =
      /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined) throw new Error(`not a line of the format: ${line}`)
    const labels = Object.fromEntries(
      [...inner.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"/g)].map(([, label, text]) => [
        label!,
        text!.replace(/\\([\\"n])/g, (_, one: string) => (one === 'n' ? '\n' : one)),
      ]),
    )
    samples.push({ name, labels, value: value === '+Inf' ? Infinity : value === '-Inf' ? -Infinity : Number(value) })
  }
  return { samples, types }
}

/** The labels of each metric whose name begins so: `http_server_requests_seconds_count` → `error, exception, …`. */
export function labelsByName(page: string, prefix: string): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  for (const { name, labels } of readPage(page).samples) {
    if (name.startsWith(prefix)) found[name] ??= Object.keys(labels).sort()
  }
  return Object.fromEntries(Object.entries(found).sort(([one], [other]) => (one < other ? -1 : 1)))
}
