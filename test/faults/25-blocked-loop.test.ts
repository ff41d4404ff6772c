import { startDevServer } from 'nacos-sidecar/dev-server'
import { afterEach, expect, test, vi } from 'vitest'
import { killChildren } from '../support/child.js'
import { startMember } from '../support/app-process.js'
import { pausedSince } from '../support/pauses.js'
import { duration } from '../support/scale.js'

const BLOCKED_MS = duration(20_000, 3_000)
const BEAT_MS = duration(10_000, 2_000)
/** Sooner than the next beat would be due. */
const AT_ONCE_MS = duration(1_000, 1_800)
afterEach(killChildren)

test('fault 25: event loop blocked 20 s: a beat within 1 s after it, and the blocked time is logged', async () => {
  await using registry = await startDevServer()
  const beats: number[] = []
  registry.on('beat', () => beats.push(performance.now()))
  const member = startMember(
    registry.address,
    { beatMs: BEAT_MS },
    { discovery: { heartBeatTimeout: 3 * BLOCKED_MS, ipDeleteTimeout: 9 * BLOCKED_MS } },
  )
  await member.child.message('registered')
  await vi.waitFor(() => expect(beats.length).toBeGreaterThan(0), 2 * BEAT_MS)

  await member.ask('block', { ms: BLOCKED_MS })
  const freeAt = performance.now()
  await vi.waitFor(() => expect(beats.at(-1)!).toBeGreaterThan(freeAt - 250), { timeout: 2 * BEAT_MS, interval: 10 })
  expect(beats.at(-1)! - freeAt - pausedSince(freeAt)).toBeLessThan(AT_ONCE_MS)
  const [, seconds] = await member.child.line(/no heartbeat was possible for ([\d.]+) s: the event loop was blocked/)
  expect(Number(seconds) * 1_000).toBeGreaterThan(BLOCKED_MS - BEAT_MS)
  expect(Number(seconds) * 1_000).toBeLessThan(BLOCKED_MS + 2_000)
  // It was silent, not lost: nothing was registered anew, and pushes still arrive.
  expect(member.child.messages.filter(({ type }) => type === 'registered')).toHaveLength(1)
  await vi.waitFor(async () => {
    const { status } = await member.ask<{ status: { registry: { updates: string } } }>('status')
    expect(status.registry.updates).toMatch(/^grpc push/)
  }, 10_000)
})
