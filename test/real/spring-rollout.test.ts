import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { setStage } from '../rollout/stage.js'
import { inWords } from '../rollout/report.js'
import { killChildren } from '../support/child.js'
import { buildSpringCallers } from './servers/spring-callers.js'
import { Unavailable } from './servers/unavailable.js'
import { startFeignCaller, startGatewayCaller, type SpringCaller } from './support/spring-callers.js'

/** Of each caller: what the machines of CI, with two cores for all of it, can keep up with. */
const RATE = 420
const CALLS = 50_000

let callers: SpringCaller[] = []
afterEach(killChildren)
afterAll(() => Promise.all(callers.map((caller) => caller.stop())))

/** One server is enough: Spring's client speaks gRPC to it, whatever our side registers by. */
const targets = inject('servers').flatMap(({ targets }) => targets)
const target = targets.find(({ capabilities }) => capabilities.grpc)

describe(`OpenFeign and Spring Cloud Gateway, with the list Spring keeps for 35 s, on ${target?.name ?? 'no server'}`, () => {
  let classPath: string | undefined
  let absent = 'no server here has the gRPC port that Spring needs'
  beforeAll(async () => {
    if (!target) return
    await buildSpringCallers().then(
      (path) => void (classPath = path),
      (error: unknown) => {
        if (!(error instanceof Unavailable) || !error.absent) throw error
        absent = error.message
      },
    )
  }, 600_000)

  it(
    'J9: a rolling restart of three providers, with library defaults: no call fails',
    { timeout: 480_000 },
    async ({ skip }) => {
      if (!target || classPath === undefined) return skip(absent)
      const { auth, server: registry } = target
      const stage = await setStage({ registry, ...(auth && { login: auth }) })
      try {
        const calls = await stage.startCalls({ rate: 20, push: 'auto' })
        const options = { classPath, target, service: stage.service, rate: RATE }
        // One after the other: the start of a JVM takes a core.
        callers = [await startFeignCaller(options)]
        callers.push(await startGatewayCaller(options))
        for (const provider of stage.providers) {
          provider.child.signal('SIGTERM')
          await provider.child.exited
          expect(provider.child.stderr).toMatch(/requests still arrive from callers with an old list: /)
          await provider.start()
        }
        while (callers.some((caller) => caller.sent() < CALLS)) await new Promise((next) => setTimeout(next, 500))
        await Promise.all(callers.map((caller) => caller.finish()))
        for (const { name, failures, sent } of callers)
          console.log(`${name}: ${failures.length} of ${sent()} GETs failed`)
        for (const { name, failures } of callers) expect([name, failures.slice(0, 5)]).toEqual([name, []])
        expect((await calls.finish()).failures.map(inWords)).toEqual([])
      } finally {
        await stage.clear()
      }
    },
  )
})
