import { chmodSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startOutage, type Outage } from '../support/registry.js'
import { alerts } from '../support/member.js'
import { startChild } from '../support/child.js'
import { tempFolder } from '../support/temp-folder.js'

/** Follows a config and a service there, through several changes, and comes through a second outage in memory. */
async function livesInMemory(outage: Outage, snapshots: string) {
  await outage.publish('a.yml', 'a: 1')
  await outage.register('orders', 9001)
  const sidecar = outage.sidecar({ 'config.import': 'optional:nacos:a.yml', 'sidecar.snapshot-dir': snapshots })
  await sidecar.ready
  expect(await sidecar.discovery.instances('orders')).toHaveLength(1)
  await outage.publish('a.yml', 'a: 2')
  await outage.register('orders', 9002)
  await vi.waitFor(() => expect(sidecar.config.get('a')).toBe(2), { timeout: 10_000 })
  await vi.waitFor(async () => expect(await sidecar.discovery.instances('orders')).toHaveLength(2), { timeout: 10_000 })
  await outage.down()
  expect(sidecar.config.get('a')).toBe(2)
  expect(await sidecar.discovery.instances('orders')).toHaveLength(2)
  return alerts(sidecar).filter((line) => /snapshot/i.test(line))
}

test('fault 29: snapshot directory unwritable (something else stands there): one warning, memory only', async () => {
  const outage = await startOutage()
  const snapshots = join(tempFolder({ taken: 'a file' }), 'taken')
  expect(await livesInMemory(outage, snapshots)).toEqual([
    expect.stringMatching(/^warn Snapshots cannot be kept in .*taken.*: E\w+.*held in memory only/),
  ])
})

test('fault 29: snapshot directory unwritable (no permission): one warning, memory only', async () => {
  const outage = await startOutage()
  const snapshots = tempFolder()
  chmodSync(snapshots, 0o555)
  // Permissions do not hold root back.
  if (process.geteuid?.() === 0) {
    process.seteuid!(65534)
    onTestFinished(() => process.seteuid!(0))
  }
  expect(await livesInMemory(outage, snapshots)).toEqual([expect.stringMatching(/EACCES.*held in memory only/)])
  expect(readdirSync(snapshots)).toEqual([])
})

test('fault 29: disk full: one warning, memory only, and nothing half-written is left', async () => {
  const outage = await startOutage()
  await outage.publish('big.yml', `big: ${'x'.repeat(200_000)}`)
  await outage.publish('small.yml', 'small: 1')
  // A file may not grow beyond 32 KB: the write fails in the middle, as on a full disk.
  const child = startChild(new URL('../fixtures/apps/config-member.ts', import.meta.url), {
    wrapper: ['bash', '-c', 'ulimit -f 32; exec "$0" "$@"'],
    env: {
      KEYS: 'big,small',
      SETTINGS: JSON.stringify({
        'cloud.nacos.server-addr': `127.0.0.1:${outage.up().port}`,
        'cloud.nacos.discovery.register-enabled': false,
        'config.import': ['nacos:big.yml', 'nacos:small.yml'],
        'sidecar.snapshot-dir': outage.snapshots,
      }),
    },
  })
  onTestFinished(() => child.kill().then(() => {}))
  expect(await child.message('pulled')).toMatchObject({ lengths: [200_000, 1] })
  expect((await child.exited).code).toBe(0)
  expect(child.stderr.match(/Snapshots cannot be kept/g)).toHaveLength(1)
  expect(child.stderr).toMatch(/EFBIG/)
  const folder = join(outage.snapshots, readdirSync(outage.snapshots)[0]!)
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
})
