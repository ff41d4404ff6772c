import { once } from 'node:events'
import { startDevServer } from 'nacos-sidecar/dev-server'
import { afterEach, expect, test, vi } from 'vitest'
import { killChildren } from '../support/child.js'
import { startMember } from '../support/app-process.js'
import { bound, duration, elapsed } from '../support/scale.js'

const SUSPENDED_MS = duration(60_000, 5_000)
/** Removed after six of them: well before it wakes. */
const BEAT_MS = duration(5_000, 500)
afterEach(killChildren)

test('fault 26: suspended 60 s: registered again within 1 s after it resumes, complete', async () => {
  await using registry = await startDevServer({ tickMs: 100 })
  const listed = () => registry.services().flatMap(({ instances }) => instances)
  const metadata = { zone: '杭州' }
  const member = startMember(registry.address, { beatMs: BEAT_MS }, { discovery: { metadata, weight: 2 } })
  await member.child.message('registered')
  const pushed = async () => {
    const { status } = await member.ask<{ status: { registry: { updates: string } } }>('status')
    expect(status.registry.updates).toMatch(/^grpc push/)
  }
  // A service at work, not one that is still being loaded.
  await vi.waitFor(pushed)
  const [before] = listed()
  expect(before).toMatchObject({ weight: 2, metadata })

  const expired = once(registry, 'expire')
  member.child.signal('SIGSTOP')
  await Promise.all([expired, new Promise((resolve) => setTimeout(resolve, SUSPENDED_MS))])
  expect(listed()).toEqual([])

  member.child.signal('SIGCONT')
  const resumedAt = performance.now()
  await vi.waitFor(() => expect(listed()).toEqual([before]), { interval: 10 })
  expect(elapsed(resumedAt)).toBeLessThan(bound(1_000))
  // Its push connection is up again as well: the registry had given it up.
  await vi.waitFor(async () => {
    await pushed()
    expect(registry.grpc.connections()).toHaveLength(1)
  })
})
