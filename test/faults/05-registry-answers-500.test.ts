import { afterAll, expect, test, type TestContext } from 'vitest'
import { killChildren } from '../support/child.js'
import { startMember } from '../support/app-process.js'
import { startResettingPort } from '../support/resetting-port.js'
import { duration, realDurations } from '../support/scale.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'

const WINDOW_MS = duration(60_000, 8_000)
/** A second's worth of work is what a measurement of a few seconds cannot tell from chance. */
const CPU_SHARE = realDurations ? 0.01 : 0.03
afterAll(killChildren)

/** Answers as a Nacos does, until it is told to fail. */
async function registry({ onTestFinished }: TestContext) {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  let failing = false
  server.on('/nacos/', ({ method, path }) => {
    if (failing) return { status: 500, body: 'caused: java.lang.OutOfMemoryError' }
    if (path.includes('/v3/')) return undefined
    if (path.endsWith('/beat')) return { body: { clientBeatInterval: 5000, code: 10200, lightBeatEnabled: true } }
    if (path.endsWith('/instance/list')) return { body: { hosts: [] } }
    if (path.endsWith('/listener')) return 'never'
    if (path.endsWith('/configs')) return { status: 404, body: 'config data not exist' }
    return { body: method === 'GET' ? '' : 'ok' }
  })
  return Object.assign(server, { fail: () => (failing = true) })
}

test.concurrent.for(['from the start', 'later'])(
  'fault 5: registry answers 500 %s: at most one request a second from an idle sidecar, and no CPU',
  async (when, context) => {
    const [server, resetting] = [await registry(context), await startResettingPort(context.onTestFinished)]
    if (when === 'from the start') server.fail()
    const member = startMember(
      server.address,
      { beatMs: duration(10_000, 1_000), pollMs: 1_000 },
      {
        sidecar: { grpcPort: resetting.port },
        nacos: { apiVersion: 'v1' },
      },
    )
    await member.child.message('listening', 30_000)
    if (when === 'later') {
      await member.child.message('registered')
      server.fail()
    }
    await member.child.message('registryLost', 30_000)
    await member.ask('instances', { service: 'users' })
    // The requests under way when it was lost are no sign of haste.
    await new Promise((resolve) => setTimeout(resolve, 2_000))

    const before = await member.ask<{ usage: NodeJS.CpuUsage }>('cpu')
    server.forget()
    resetting.times.length = 0
    const sinceMs = performance.now()
    await new Promise((resolve) => setTimeout(resolve, WINDOW_MS))
    const windowMs = performance.now() - sinceMs
    const requests = server.requests.length + resetting.times.length
    const after = await member.ask<{ usage: NodeJS.CpuUsage }>('cpu')
    const busyMs = (after.usage.user + after.usage.system - before.usage.user - before.usage.system) / 1000

    // It goes on trying, though.
    expect(server.requests.length).toBeGreaterThan(0)
    // One more at the window's edge, and one a process: gRPC is loaded only for a port that accepts a connection.
    expect(requests).toBeLessThanOrEqual(windowMs / 1000 + 2)
    expect(busyMs / windowMs).toBeLessThan(CPU_SHARE)
    expect(member.child.messages.map(({ type }) => type)).not.toContain('unhandledRejection')
  },
)
