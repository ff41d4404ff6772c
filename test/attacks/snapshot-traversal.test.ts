import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { createServiceStore } from '../../src/discovery/service-store.js'
import { nextSnapshot } from '../../src/discovery/snapshot.js'
import { createConfigSnapshots } from '../../src/config/config-snapshots.js'
import { openSnapshotFolder } from '../../src/snapshot/folder.js'
import { collectLog } from '../support/collect.js'
import { tempFolder } from '../support/temp-folder.js'

const HOSTILE = [
  '../../escaped',
  '../'.repeat(20) + 'etc/cron.d/escaped',
  '/etc/escaped',
  '..',
  '.',
  'a/../../escaped',
  '..\\..\\escaped',
  'a\0b',
  '%2e%2e%2fescaped',
  'CON',
  'a\nb',
  '~/escaped',
  'x'.repeat(5_000),
  '__proto__',
]

function kept() {
  // Deep enough that every `../` would still land inside what the test looks at.
  const root = tempFolder()
  const path = join(root, 'a', 'b', 'kept')
  mkdirSync(dirname(path), { recursive: true })
  const logger = collectLog()
  return { root, path, logger, open: () => openSnapshotFolder(path, logger) }
}

const tree = (folder: string): string[] => readdirSync(folder, { recursive: true }).map(String).sort()

test('attack: snapshot traversal: names from a registry stay inside the folder, each with a file of its own', async () => {
  const { root, path, open } = kept()
  const folder = open()
  const configs = createConfigSnapshots(folder)
  const services = createServiceStore(folder)
  for (const name of HOSTILE) {
    for (const key of [
      { namespace: '', group: 'G', dataId: name },
      { namespace: '', group: name, dataId: 'a.yml' },
      { namespace: name, group: 'G', dataId: 'a.yml' },
    ]) {
      configs.save({ ...key, content: JSON.stringify(key), md5: 'm' })
    }
    const key = { namespace: '', group: 'G', service: name }
    const own = { ip: '10.0.0.1', port: 1, weight: 1, healthy: true, enabled: true, ephemeral: true, cluster: 'C' }
    services.save(nextSnapshot(key, [{ ...key, ...own, metadata: { name } }], undefined))
  }
  // Closing writes for a second at most, which is not enough for all of them on a slow disk.
  await vi.waitFor(() => expect(readdirSync(path).length).toBeGreaterThanOrEqual(HOSTILE.length * 4), 20_000)
  await folder.close()

  const names = readdirSync(path)
  expect(names).toHaveLength(HOSTILE.length * 4)
  expect(names.filter((name) => !/^(config|service)-[0-9a-f]{64}$/.test(name))).toEqual([])
  expect(tree(root).filter((name) => !name.startsWith(join('a', 'b', 'kept')))).toEqual(['a', join('a', 'b')])

  const again = open()
  for (const name of HOSTILE) {
    const key = { namespace: '', group: 'G', dataId: name }
    expect((await createConfigSnapshots(again).load(key))?.item.content).toBe(JSON.stringify(key))
    const saved = await createServiceStore(again).load({ namespace: '', group: 'G', service: name })
    expect(saved?.instances[0]?.metadata['name']).toBe(name)
  }
})

test('attack: snapshot traversal: a link in place of a snapshot is neither read nor written through', async () => {
  const { root, path, logger, open } = kept()
  const key = { namespace: '', group: 'G', dataId: 'a.yml' }
  const first = open()
  createConfigSnapshots(first).save({ ...key, content: 'mine: 1', md5: 'm' })
  await first.close()
  const file = join(path, readdirSync(path)[0]!)
  const victim = join(root, 'victim')
  // A snapshot that would be taken for good, were the link followed.
  writeFileSync(victim, readFileSync(file))
  const before = readFileSync(victim)
  const plant = () => {
    rmSync(file, { force: true })
    symlinkSync(victim, file)
  }

  plant()
  const second = open()
  expect(await createConfigSnapshots(second).load(key)).toBeUndefined()
  expect(logger.lines).toEqual([expect.stringContaining('it is a symbolic link; it is set aside as')])
  expect(readlinkSync(`${file}.bad`)).toBe(victim)

  plant()
  createConfigSnapshots(second).save({ ...key, content: 'mine: 2', md5: 'm' })
  await second.close()
  expect(readFileSync(victim)).toEqual(before)
  expect(lstatSync(file).isSymbolicLink()).toBe(false)
  expect((await createConfigSnapshots(open()).load(key))?.item.content).toBe('mine: 2')
  expect(statSync(file).mode & 0o777).toBe(0o600)

  plant()
  const third = open()
  createConfigSnapshots(third).remove(key)
  await third.close()
  expect(existsSync(victim)).toBe(true)
})

test('attack: snapshot traversal: a link in place of the folder is not used at all', async () => {
  const { root, path, open, logger } = kept()
  const elsewhere = join(root, 'elsewhere')
  mkdirSync(elsewhere)
  symlinkSync(elsewhere, path)
  const key = { namespace: '', group: 'G', dataId: 'a.yml' }
  const folder = open()
  createConfigSnapshots(folder).save({ ...key, content: 'a: 1', md5: 'm' })
  await folder.close()
  expect(readdirSync(elsewhere)).toEqual([])
  expect(logger.lines).toHaveLength(1)
})

test.skipIf(process.geteuid?.() !== 0)(
  'attack: snapshot traversal: a folder or a file of another user is not trusted',
  async () => {
    const { chownSync } = await import('node:fs')
    const { path, open } = kept()
    const key = { namespace: '', group: 'G', dataId: 'a.yml' }
    const first = open()
    createConfigSnapshots(first).save({ ...key, content: 'a: 1', md5: 'm' })
    await first.close()
    const file = join(path, readdirSync(path)[0]!)
    chownSync(file, 65534, 65534)
    expect(await createConfigSnapshots(open()).load(key)).toBeUndefined()
    chownSync(`${file}.bad`, 0, 0)
    chownSync(path, 65534, 65534)
    const second = open()
    createConfigSnapshots(second).save({ ...key, content: 'a: 2', md5: 'm' })
    await second.close()
    expect(readdirSync(path)).toEqual([expect.stringMatching(/\.bad$/)])
  },
)
