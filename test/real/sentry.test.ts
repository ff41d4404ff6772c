import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join as pathOf } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import express, { type Express } from 'express'
import { events } from 'nacos-sidecar/events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reportFailures } from '../../examples/recipes/sentry.js'
import { join } from '../support/member.js'
import { testRegistry } from '../support/registry.js'
import { npmPackages } from './servers/npm-packages.js'
import { cannotBeHad } from './support/on-server.js'

const installed = await npmPackages('sentry', ['@sentry/node@11']).then(
  (folder) => ({ folder, missing: undefined }),
  (error: unknown) => ({ missing: { reason: String(error), toolAbsent: false } }),
)

describe('Sentry, as people install it', () => {
  if (installed.missing) return cannotBeHad(installed.missing)
  const { folder } = installed
  const received: SentryEvent[] = []
  /** Envelopes, as Sentry's own server takes them: a head, and pairs of a head and a body, each a line. */
  const server = createServer(async (request, response) => {
    const lines = (await text(request)).split('\n').filter(Boolean)
    for (let at = 1; at + 1 < lines.length; at += 2) {
      if (/"type":"event"/.test(lines[at]!)) received.push(JSON.parse(lines[at + 1]!) as SentryEvent)
    }
    response.end('{}')
  })
  let sentry: Sentry

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const file = createRequire(pathOf(folder, 'index.js')).resolve('@sentry/node')
    sentry = (await import(pathToFileURL(file).href)) as Sentry
    sentry.init({ dsn: `http://public@127.0.0.1:${(server.address() as AddressInfo).port}/1` })
  })
  afterAll(async () => {
    await sentry.close(1_000)
    server.closeAllConnections()
    server.close()
  })

  test('recipes: Sentry: what ends a request, an event or a timer arrives once, with what it was, and nothing of its content', async () => {
    // A made-up one: Sentry sends the lines of the source around a failure as well.
    const secret = randomUUID()
    const registry = await testRegistry()
    const app = express()
    const { sidecar, url } = await join(app, registry.settings({ 'application.name': 'watched' }))
    reportFailures(sidecar, sentry)
    const bus = events(sidecar, { url: 'memory:sentry' })
    app.get('/orders/:id', () => {
      throw new Error('of a request')
    })
    sentry.setupExpressErrorHandler(app)
    bus.on('watched', 'created', () => Promise.reject(new Error('of an event')), { retry: { attempts: 1 } })

    expect((await fetch(`${url}/orders/7`, { headers: { authorization: `Bearer ${secret}` } })).status).toBe(500)
    await bus.emit('created', { secret })
    const timer = sidecar.timer('nightly', { every: 50 }, () => {
      timer.stop()
      throw new Error('of a timer')
    })
    const seen = () =>
      received.map(({ exception, tags }) => [exception?.values.at(-1)?.value, tags?.['work.kind'], tags?.['work.name']])
    await expect
      .poll(() => seen().toSorted())
      .toEqual([
        ['of a request', 'request', 'GET /orders/:id'],
        ['of a timer', 'timer', 'nightly'],
        ['of an event', 'event', 'watched created'],
      ])
    expect(JSON.stringify(received)).not.toContain(secret)
  })
})

interface SentryEvent {
  readonly exception?: { readonly values: readonly { readonly value: string }[] }
  readonly tags?: Readonly<Record<string, string>>
}
interface Sentry {
  init(options: object): void
  setupExpressErrorHandler(app: Express): void
  close(ms: number): Promise<boolean>
  withIsolationScope<R>(run: (scope: { addEventProcessor(change: <E extends object>(event: E) => E): unknown }) => R): R
  captureException(error: unknown): unknown
}
