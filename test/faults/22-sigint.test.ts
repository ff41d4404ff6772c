import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { killChildren } from '../support/child.js'
import { composedApp, FRAMEWORKS } from '../support/app-process.js'
import { shortest } from '../support/cost.js'
import { devRegistry } from '../support/registry.js'
import { call } from '../support/load.js'
import { bound, duration, elapsed } from '../support/scale.js'

afterEach(killChildren)

test.each(FRAMEWORKS)(
  'fault 22: SIGINT on %s: no drain, in-flight finished, deregistered within a second',
  async (framework) => {
    const registry = await devRegistry()
    const app = await composedApp(registry, { FRAMEWORK: framework })
    const answer = call(app.port, '/slow/700')
    await app.message('slow')
    const deregistered = once(registry, 'deregister')
    const began = performance.now()
    app.signal('SIGINT')
    await deregistered
    expect(elapsed(began)).toBeLessThan(bound(1000))
    expect((await answer).status).toBe(200)
    expect(await app.exited).toEqual({ code: null, signal: 'SIGINT' })
    expect(elapsed(began)).toBeLessThan(bound(3000))
    expect(app.messages.map((message) => message['type'])).not.toContain('draining')
  },
)

test('fault 22: a second SIGINT: gone within 100 ms', async () => {
  const most = duration(100, 3_000)
  const end = async () => {
    const registry = await devRegistry()
    const app = await composedApp(registry, { FRAMEWORK: 'express' })
    call(app.port, '/slow/30000').catch(() => {})
    await app.message('slow')
    const deregistered = once(registry, 'deregister')
    app.signal('SIGINT')
    await deregistered
    const began = performance.now()
    app.signal('SIGINT')
    await once(app.process, 'exit')
    const took = elapsed(began)
    expect(await app.exited).toEqual({ code: 130, signal: null })
    return took
  }
  expect(await shortest(5, end, most)).toBeLessThan(most)
})
