import { expect, onTestFinished, test } from 'vitest'
import { startChild } from '../support/child.js'
import { leastStall } from '../support/cost.js'
import { bound } from '../support/scale.js'
import { quietSidecar } from '../support/member.js'

test('fault 42: huge config (10 MB): a limit error, and the loop stalls for less than 50 ms', async () => {
  const registry = startChild(new URL('../fixtures/apps/big-registry.ts', import.meta.url), {
    env: { CONFIG_BYTES: String(10 * 1024 * 1024) },
  })
  onTestFinished(() => registry.kill().then(() => {}))
  const { port } = await registry.message<{ port: number }>('listening')

  const rejected: unknown[] = []
  let starts = 0
  const start = async () => {
    starts++
    const sidecar = quietSidecar(`127.0.0.1:${port}`, {
      'cloud.nacos.config.timeout': 10_000,
      'config.import': 'nacos:big.yml',
    })
    sidecar.on('configRejected', ({ error }) => rejected.push(error))
    await sidecar.ready
  }
  const stallMs = await leastStall(20, start, bound(50))
  expect(rejected).toHaveLength(starts)
  expect(rejected[0]).toMatchObject({
    code: 'SIDECAR_CONFIG_TOO_LARGE',
    message: expect.stringMatching(/big\.yml has \d{8} bytes, more than cloud\.nacos\.config\.max-bytes \(1048576\)/),
  })
  expect(stallMs).toBeLessThan(bound(50))
})
