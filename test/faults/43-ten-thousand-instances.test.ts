import { readdirSync } from 'node:fs'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startChild } from '../support/child.js'
import { leastStall } from '../support/cost.js'
import { quietSidecar } from '../support/member.js'
import { bound } from '../support/scale.js'
import { tempFolder } from '../support/temp-folder.js'

test('fault 43: 10,000 instances in one service: an update takes less than 50 ms', async () => {
  const registry = startChild(new URL('../fixtures/apps/big-registry.ts', import.meta.url), {
    env: { INSTANCES: '10000' },
  })
  onTestFinished(() => registry.kill().then(() => {}))
  const { port } = await registry.message<{ port: number }>('listening')
  const snapshots = tempFolder()
  const sidecar = quietSidecar(`127.0.0.1:${port}`, {
    'sidecar.poll-interval': 300,
    'sidecar.snapshot-dir': snapshots,
  })
  let updates = 0
  sidecar.discovery.watch('big', ({ changed }) => {
    updates += changed.length > 0 ? 1 : 0
  })
  expect(await sidecar.discovery.instances('big')).toHaveLength(10_000)

  // The whole of it: the answer read and decoded, compared, told, and written to disk.
  const update = async (attempt: number) => {
    const before = updates
    registry.send({ change: 100 * attempt })
    await vi.waitFor(() => expect(updates).toBeGreaterThan(before), { timeout: 10_000 })
  }
  const stallMs = await leastStall(20, update, bound(50))
  expect(stallMs).toBeLessThan(bound(50))
  expect(readdirSync(snapshots)).toHaveLength(1)
})
