import type { Failure, Outcome, Totals } from './stage.js'

export interface Row {
  readonly name: string
  readonly get: Totals['get']
  readonly post: Totals['post']
  /** Calls a second, as they came about. */
  readonly rate: number
  readonly held: boolean
  /** The kinds of failure, with how many there were. */
  readonly kinds: readonly (readonly [string, number])[]
}

/** For assertions, which otherwise hide what failed. */
export function inWords({ verb, message, startedAt, endedAt }: Failure): string {
  return `${verb.toUpperCase()} failed after ${endedAt - startedAt} ms: ${message}`
}

export function row(name: string, { totals, failures, rate }: Outcome, held: boolean): Row {
  const kinds = new Map<string, number>()
  for (const { verb, message } of failures) {
    // Addresses and numbers are no kinds.
    const kind = `${verb.toUpperCase()} ${message.replace(/rollout-\S+/g, 'the provider').replace(/\d+/g, 'n')}`
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  return { name, get: totals.get, post: totals.post, rate, held, kinds: [...kinds] }
}

export function printTable(rows: readonly Row[]): void {
  console.table(
    Object.fromEntries(
      rows.map(({ name, get, post, rate, held }) => [
        name,
        {
          'calls/s': rate,
          'GET sent': get.sent,
          'GET failed': get.failed,
          'GET slowest ms': get.slowestMs,
          'POST sent': post.sent,
          'POST failed': post.failed,
          'POST slowest ms': post.slowestMs,
          held: held ? 'yes' : 'NO',
        },
      ]),
    ),
  )
  for (const { name, kinds } of rows) for (const [kind, count] of kinds) console.log(`${name}: ${count} × ${kind}`)
}
