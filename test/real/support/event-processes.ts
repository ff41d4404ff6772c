import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Child } from '../../support/child.js'
import { startScript } from '../../support/script.js'

/** How a process of these tests handles events. */
export interface HandlerProcess {
  readonly registry: string
  /** Of the broker. */
  readonly url: string
  /** Each handled event is a line there, its id and its attempt, before it is accepted. */
  readonly ledger: string
  readonly concurrency: number
  /** How long each takes. */
  readonly workMs: number
}

/** A member of the mesh that handles the events `created` of `orders`, on the built package. */
const HANDLER = `
import { createServer } from 'node:http'
import { openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSidecar } from 'nacos-sidecar'
import { events } from 'nacos-sidecar/events'
const { registry, url, ledger, concurrency, workMs } = JSON.parse(process.env.OPTIONS)
const file = openSync(ledger, 'a')
const server = createServer((request, response) => response.end('here'))
const sidecar = createSidecar({ configPath: false, settings: {
  application: { name: 'mails' },
  cloud: { nacos: { serverAddr: registry, discovery: { ip: '127.0.0.1' } } },
  sidecar: { drain: 200 },
  logging: { level: { 'nacos-sidecar': 'warn' } },
} })
const bus = events(sidecar, { url })
let inHand = 0
let full = false
const subscription = bus.on('orders', 'created', async ({ id }, work) => {
  if (++inHand === concurrency && !full) say('full', { inHand })
  full ||= inHand === concurrency
  if (workMs > 0) await sleep(workMs)
  writeSync(file, id + ' ' + work.messageId + ' ' + (work.redelivered ? 'again' : 'first') + '\\n')
  inHand--
}, { concurrency, retry: { attempts: 10, delay: 100 } })
server.listen(0, '127.0.0.1')
await Promise.all([sidecar.ready, subscription.ready])
say('ready')
`

export function startHandler(options: HandlerProcess): Child {
  return startScript(HANDLER, { env: { OPTIONS: JSON.stringify(options) } })
}

/** What all processes have handled. */
export interface Ledger {
  readonly handled: number
  /** Numbers of events that were handled, each once. */
  readonly ids: ReadonlySet<number>
  readonly messageIds: ReadonlySet<string>
  /** How many were handled more than once. */
  readonly duplicates: number
}

export function readLedgers(folder: string, names: readonly string[]): Ledger {
  const lines = names.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean))
  const ids = new Set(lines.map((line) => Number(line.split(' ')[0])))
  const messageIds = new Set(lines.map((line) => line.split(' ')[1]!))
  return { handled: lines.length, ids, messageIds, duplicates: lines.length - ids.size }
}
