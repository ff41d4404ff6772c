import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { planDrain, reasonNotToDrain } from '../../../src/lifecycle/drain.js'
import { createRequestTracker, isProbe } from '../../../src/lifecycle/request-tracker.js'
import { createLifecycle, type LifecycleOptions } from '../../../src/lifecycle/lifecycle.js'
import { findDevWatcher } from '../../../src/lifecycle/dev-watcher.js'
import { collectLog } from '../../support/collect.js'
import { listedMember } from '../../support/listed-member.js'

/** The plan of `auto`, faster; a first call arrives within the shortest time on a slow machine as well. */
const PLAN = { atLeastMs: 1_000, atMostMs: 60_000, quietMs: 200 }

/** A server with a lifecycle that was registered, and what happened. */
async function served(options: Partial<LifecycleOptions> = {}) {
  const logger = collectLog()
  const events: string[] = []
  const server = createServer((_request, response) => void response.end('ok'))
  const found = new Promise<void>((resolve) => {
    const lifecycle = createLifecycle({
      drain: PLAN,
      deregisterTimeoutMs: 500,
      signals: false,
      logger,
      emit: (event, ...args) => void events.push([event, JSON.stringify(args)].join(' ')),
      member: listedMember(() => resolve()),
      closeClients: async () => {},
      ...options,
    })
    lifecycle.start({ app: { framework: 'test', owns: (one) => one === server } })
    Object.assign(stage, { lifecycle })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    await stage.lifecycle.stop({ drain: false })
  })
  await found
  return { ...stage, server, events, lines: logger.lines, port: (server.address() as AddressInfo).port }
}
const stage = {} as { lifecycle: ReturnType<typeof createLifecycle> }

async function call(port: number, path = '/', agent = 'Java/17.0.9', method = 'GET'): Promise<number | undefined> {
  const sent = request({ port, path, method, agent: false, headers: { 'user-agent': agent } }).end()
  const [response] = (await once(sent, 'response')) as [{ statusCode?: number; resume(): void }]
  response.resume()
  return response.statusCode
}

/** Time passes only by `pass`, until `run`: on a slow machine no caller is quiet because its call takes long. */
function holdClock() {
  const real = performance.now.bind(performance)
  let now = real()
  let runsSince: number | undefined
  const clock = vi
    .spyOn(performance, 'now')
    .mockImplementation(() => now + (runsSince === undefined ? 0 : real() - runsSince))
  onTestFinished(() => clock.mockRestore())
  return { pass: (ms: number) => void (now += ms), run: () => void (runsSince = real()) }
}

const extended = (lines: readonly string[]) =>
  vi.waitFor(() => expect(lines.join('\n')).toContain('requests still arrive from'))

describe('J9: sidecar.drain: auto', () => {
  it('J9: serves while callers still come by a list of before, and ends once they are quiet', async () => {
    const { lifecycle, port, lines, events } = await served()
    const began = performance.now()
    const clock = holdClock()
    const stopped = lifecycle.stop()
    expect(await call(port)).toBe(200)
    await extended(lines)
    for (let i = 0; i < 4; i++) {
      clock.pass(PLAN.quietMs - 20)
      expect(await call(port)).toBe(200)
    }
    clock.run()
    await stopped
    const took = performance.now() - began
    expect(took).toBeGreaterThan(4 * (PLAN.quietMs - 20) + PLAN.quietMs - 5)
    expect(took).toBeLessThan(PLAN.atMostMs)
    expect(events).toContain('draining [{"forMs":1000,"atMostMs":60000}]')
    expect(lines.join('\n')).toMatch(
      /info requests still arrive .*Java\/17\.0\.9 from (::ffff:)?127\.0\.0\.1 \(\d+ requests\)/,
    )
    expect(lines.join('\n')).toMatch(/info drained after [\d.]+ s: no more requests arrive/)
  })

  it('J9: without such callers it takes the shortest time, health checks and all', async () => {
    const { lifecycle, port, lines } = await served({ drain: { ...PLAN, quietMs: 2 * PLAN.atLeastMs } })
    const began = performance.now()
    const stopped = lifecycle.stop()
    // All of it less than `quietMs` ago once the shortest time is over.
    await Promise.all([
      call(port, '/anything', 'kube-probe/1.29'),
      call(port, '/actuator/health/readiness'),
      call(port, '/healthz', 'curl/8.5.0'),
    ])
    await stopped
    expect(performance.now() - began).toBeLessThan(PLAN.atMostMs)
    expect(lines.join('\n')).not.toContain('requests still arrive from')
  })

  it('J9: ends at its longest, and says which callers it leaves behind', async () => {
    const plan = { ...PLAN, atMostMs: 10_000, quietMs: 2_000 }
    const { lifecycle, port, lines } = await served({ drain: plan })
    const clock = holdClock()
    const began = performance.now()
    const stopped = lifecycle.stop()
    expect(await call(port)).toBe(200)
    await extended(lines)
    const step = plan.quietMs - 20
    while (performance.now() - began < plan.atMostMs - step) {
      clock.pass(step)
      expect(await call(port)).toBe(200)
    }
    clock.pass(step)
    await vi.waitFor(() => expect(lines.join('\n')).toMatch(/warn the longest drain ends after .*Java\/17\.0\.9 from/))
    clock.run()
    await stopped
  })

  it('J9: a hurry ends it, and a fixed drain stays fixed', async () => {
    const { lifecycle } = await served({ drain: planDrain({ drain: 200, drainTimeout: 40_000 }) })
    const began = performance.now()
    await lifecycle.stop()
    expect(performance.now() - began).toBeGreaterThan(190)
    const other = await served({ drain: planDrain({ drain: 'auto', drainTimeout: 40_000 }) })
    const stopped = other.lifecycle.stop()
    await other.lifecycle.stop({ drain: false })
    await stopped
    expect(performance.now() - began).toBeLessThan(8_000)
  })

  it('J9: the plan: 12 s at least, drain-timeout at most; leave-timeout leaves time for what follows', () => {
    const plan = (drain: number | 'auto', drainTimeout: number, leaveTimeout?: number) =>
      planDrain({ drain, drainTimeout, leaveTimeout })
    expect(plan('auto', 40_000)).toEqual({ atLeastMs: 12_000, atMostMs: 40_000, quietMs: 3_000 })
    expect(plan('auto', 8_000)).toMatchObject({ atLeastMs: 8_000, atMostMs: 8_000 })
    expect(plan(40_000, 8_000)).toMatchObject({ atLeastMs: 40_000, atMostMs: 40_000 })
    expect(plan(0, 40_000)).toMatchObject({ atLeastMs: 0, atMostMs: 0 })
    expect(plan('auto', 40_000, 25_000)).toMatchObject({ atLeastMs: 12_000, atMostMs: 20_000 })
    expect(plan('auto', 40_000, 8_000)).toMatchObject({ atLeastMs: 6_000, atMostMs: 6_000 })
    expect(plan(12_000, 40_000, 8_000)).toMatchObject({ atLeastMs: 6_000, atMostMs: 6_000 })
  })

  it.each([
    ['GET', '/actuator/prometheus', ''],
    ['GET', '/api/v1/health?full=1', 'curl/8'],
    ['HEAD', '/readyz/', ''],
    ['GET', '/', 'ELB-HealthChecker/2.0'],
    ['POST', '/', 'Consul Health Check'],
  ])('J9: %s %s by "%s" is a health check', (method, url, agent) => {
    expect(isProbe({ method, url, headers: { 'user-agent': agent } })).toBe(true)
  })

  it.each([
    ['GET', '/', 'Java/17'],
    ['GET', '/health-records/7', 'Java/17'],
    ['POST', '/health', 'Java/17'],
    ['GET', '/users/health/insurance', 'ReactorNetty/1.1.17'],
  ])('J9: %s %s by "%s" is a call', (method, url, agent) => {
    expect(isProbe({ method, url, headers: { 'user-agent': agent } })).toBe(false)
  })

  it('J9: the log names the busiest callers, and nothing they send can forge a line', () => {
    const callers = createRequestTracker()
    const socket = { remoteAddress: '10.0.0.5' }
    for (let i = 0; i < 300; i++)
      callers.record({ method: 'GET', url: '/', socket, headers: { 'user-agent': `a\n${i % 250}` } } as never)
    expect(callers.describe()).toMatch(/^others \(\d+ requests\), a\?0 from 10\.0\.0\.5 \(2 requests\)/)
    expect(callers.describe()).not.toContain('\n')
  })
})

describe('K17: a start by a watcher does not drain', () => {
  it.each([
    ['tsx watch', 'node /app/node_modules/.bin/tsx watch src/main.ts'],
    ['tsx watch', '/usr/bin/node --require x file:///app/node_modules/tsx/dist/cli.mjs watch main.ts'],
    ['nodemon', 'node /app/node_modules/.bin/nodemon dist/main.js'],
    ['node --watch', 'node --enable-source-maps --watch main.js'],
    ['concurrently', 'node /app/node_modules/concurrently/dist/bin/concurrently.js a b'],
    ['nest start --watch', 'node node_modules/.bin/nest start --watch'],
  ])('K17: %s: %s', (name, command) => {
    expect(findDevWatcher({}, ['/bin/sh -c node main.js', command])).toBe(name)
    expect(findDevWatcher({ npm_lifecycle_script: command }, [])).toBe(name)
    expect(findDevWatcher({ NODE_ENV: 'production' }, [command])).toBeUndefined()
    expect(findDevWatcher({}, [command], true)).toBeUndefined()
    expect(findDevWatcher({ NODE_ENV: 'production' }, [command], false)).toBe(name)
    expect(reasonNotToDrain('SIGTERM', {}, false, name)).toContain(name)
  })

  it('K17: no watcher: it drains', () => {
    for (const command of ['node dist/main.js', 'npm start', '/bin/sh -c node server.js', 'node watch-service.js', ''])
      expect(findDevWatcher({}, [command])).toBeUndefined()
    expect(reasonNotToDrain('SIGTERM', {}, false, false)).toBeUndefined()
    expect(reasonNotToDrain(undefined, {}, true)).toBeUndefined()
  })
})

describe('K33: other shutdown tools beside the drain', () => {
  const slow = () => served({ drain: { atLeastMs: 30_000, atMostMs: 30_000, quietMs: 0 } })

  it('K33: a tool that destroys what is accepted, as http-terminator does, does not end the drain', async () => {
    const { lifecycle, port, server } = await slow()
    let terminating = false
    server.on('connection', (socket) => void (terminating && socket.destroy()))
    const stopped = lifecycle.stop()
    terminating = true
    for (let i = 0; i < 5; i++) expect(await call(port)).toBe(200)
    await lifecycle.stop({ drain: false })
    await stopped
  })

  it('K33: requests that something else cuts during the drain are counted in a warning', async () => {
    const { lifecycle, port, server, lines } = await slow()
    const sockets = new Set<{ destroy(): void }>()
    server.on('connection', (socket) => sockets.add(socket))
    server.removeAllListeners('request')
    const asked = once(server, 'request')
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await asked
    const stopped = lifecycle.stop()
    for (const one of sockets) one.destroy()
    await lifecycle.stop({ drain: false })
    await stopped
    expect(lines.join('\n')).toMatch(/warn other code in this process cut 1 requests during the drain/)
  })
})
