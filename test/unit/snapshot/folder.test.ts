import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { openSnapshotFolder } from '../../../src/snapshot/folder.js'
import { collectLog } from '../../support/collect.js'
import { tempFolder } from '../../support/temp-folder.js'

const body = (text: string) => () => [Buffer.from(text)]

function opened(path = join(tempFolder(), 'kept')) {
  const logger = collectLog()
  return { path, logger, folder: openSnapshotFolder(path, logger) }
}

test('what was saved is there for the next process, with its time', async () => {
  const { folder, path } = opened()
  folder.save(['config', '', 'G', 'a.yml'], () => [Buffer.from('größe: '), Buffer.from('1\n')])
  await folder.close()
  const next = opened(path).folder
  const saved = await next.read(['config', '', 'G', 'a.yml'])
  expect(saved?.body.toString()).toBe('größe: 1\n')
  expect(Date.now() - saved!.savedAt.getTime()).toBeLessThan(10_000)
  expect(await next.read(['config', '', 'G', 'A.yml'])).toBeUndefined()
  expect(await next.read(['service', '', 'G', 'a.yml'])).toBeUndefined()
})

test('for its owner only', async () => {
  const { folder, path } = opened()
  folder.save(['config', 'a'], body('secret'))
  await folder.close()
  expect(statSync(path).mode & 0o777).toBe(0o700)
  expect(readdirSync(path).map((name) => statSync(join(path, name)).mode & 0o777)).toEqual([0o600])
})

test('a folder others may look into is closed to them', async () => {
  const { folder, path } = opened()
  mkdirSync(path, { mode: 0o755 })
  chmodSync(path, 0o755)
  folder.save(['config', 'a'], body('secret'))
  await folder.close()
  expect(statSync(path).mode & 0o777).toBe(0o700)
})

test('a folder that is deleted while the process runs is made again with the next one saved', async () => {
  const { folder, path, logger } = opened()
  folder.save(['config', 'a'], body('a'))
  await vi.waitFor(() => expect(readdirSync(path)).toEqual([expect.not.stringContaining('.tmp')]))
  rmSync(path, { recursive: true })
  folder.save(['config', 'b'], body('b'))
  await folder.close()
  expect((await opened(path).folder.read(['config', 'b']))?.body.toString()).toBe('b')
  expect(logger.lines).toEqual([])
})

test('of several the last, and none after a removal', async () => {
  const { folder, path } = opened()
  for (let i = 0; i < 50; i++) folder.save(['config', 'a'], body(`${i}`))
  folder.save(['config', 'b'], body('b'))
  folder.remove(['config', 'b'])
  await folder.close()
  const { folder: next } = opened(path)
  expect((await next.read(['config', 'a']))?.body.toString()).toBe('49')
  expect(await next.read(['config', 'b'])).toBeUndefined()
  expect(readdirSync(path)).toHaveLength(1)
})

test('nothing is made before something is saved; after close nothing is saved', async () => {
  const { folder, path } = opened()
  expect(await folder.read(['config', 'a'])).toBeUndefined()
  expect(existsSync(path)).toBe(false)
  await folder.close()
  folder.save(['config', 'a'], body('late'))
  await folder.close()
  expect(existsSync(path)).toBe(false)
})

test('what a killed process left in mid-write is swept up, what another is writing now is not', async () => {
  const { folder, path } = opened()
  mkdirSync(path)
  const [old, fresh, foreign] = ['config-x.00112233aabb.tmp', 'config-y.00112233aabb.tmp', 'mine.txt']
  for (const name of [old, fresh, foreign]) writeFileSync(join(path, name), 'x')
  for (const name of [old, foreign]) utimesSync(join(path, name), 1, 1)
  folder.save(['config', 'a'], body('a'))
  await folder.close()
  expect(readdirSync(path)).toEqual(expect.arrayContaining([fresh, foreign]))
  expect(existsSync(join(path, old))).toBe(false)
})

test('a snapshot under another key does not pass for it', async () => {
  const { folder, path, logger } = opened()
  folder.save(['config', 'a'], body('a'))
  folder.save(['config', 'b'], body('b'))
  await folder.close()
  const [first, second] = readdirSync(path).map((name) => join(path, name)) as [string, string]
  writeFileSync(first, readFileSync(second))
  const kept = [await folder.read(['config', 'a']), await folder.read(['config', 'b'])]
  expect(kept.filter(Boolean)).toHaveLength(1)
  expect(logger.lines).toEqual([expect.stringMatching(/cannot be used: it belongs to another key; it is set aside as/)])
})

test('a folder that is a link is not written through', async () => {
  const elsewhere = tempFolder()
  const path = join(tempFolder(), 'kept')
  symlinkSync(elsewhere, path)
  const { folder, logger } = opened(path)
  folder.save(['config', 'a'], body('a'))
  await folder.close()
  expect(readdirSync(elsewhere)).toEqual([])
  expect(await folder.read(['config', 'a'])).toBeUndefined()
  expect(logger.lines).toEqual([expect.stringMatching(/cannot be kept in .*it is a link/)])
})
