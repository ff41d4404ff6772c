import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { startOutage } from '../support/registry.js'
import { alerts } from '../support/member.js'

const flip = (bytes: Buffer) => {
  const copy = Buffer.from(bytes)
  const middle = copy.length >> 1
  copy[middle] = copy[middle]! ^ 1
  return copy
}

test.each<[string, (bytes: Buffer) => Buffer | string]>([
  ['empty', () => ''],
  ['cut off', (bytes) => bytes.subarray(0, bytes.length - 20)],
  ['a bit flipped', flip],
  ['something else altogether', () => '{"a": 1}\n'],
  ['zeros, as a file system leaves them after a crash', (bytes) => Buffer.alloc(bytes.length)],
])('fault 28: corrupt or empty snapshot file (%s): set aside, fetched anew', async (_, spoil) => {
  const outage = await startOutage()
  await outage.publish('a.yml', 'a: 1')
  await outage.register('orders', 9001)
  const settings = { 'config.import': 'optional:nacos:a.yml' }

  const first = outage.sidecar(settings)
  await first.ready
  expect(await first.discovery.instances('orders')).toHaveLength(1)
  await first.stop({ drain: false })
  await outage.down()

  const folder = join(outage.snapshots, readdirSync(outage.snapshots)[0]!)
  const files = readdirSync(folder).map((name) => join(folder, name))
  expect(files).toHaveLength(2)
  const before = files.map((file) => readFileSync(file))
  for (const [index, file] of files.entries()) writeFileSync(file, spoil(before[index]!))

  const second = outage.sidecar(settings)
  await second.ready
  expect(second.config.get('a')).toBeUndefined()
  await expect(second.discovery.instances('orders')).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
  expect(alerts(second).filter((line) => line.includes('it is set aside as'))).toHaveLength(2)
  expect(readdirSync(folder).filter((name) => name.endsWith('.bad'))).toHaveLength(2)

  await outage.back()
  await outage.publish('a.yml', 'a: 2')
  await outage.register('orders', 9002)
  await vi.waitFor(() => expect(second.config.get('a')).toBe(2))
  await vi.waitFor(async () => expect((await second.discovery.instances('orders'))[0]?.port).toBe(9002))
  await second.stop({ drain: false })
  await outage.down()

  const third = outage.sidecar(settings)
  await third.ready
  expect(third.config.get('a')).toBe(2)
  expect((await third.discovery.instances('orders'))[0]).toMatchObject({ ip: '10.0.0.7', port: 9002 })
})
