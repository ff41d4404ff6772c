import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { createWorkerRegistry } from '../../../src/registration/worker-registry.js'
import { collectLog } from '../../support/collect.js'
import { anInstance } from '../../support/transport.js'
import { tempFolder } from '../../support/temp-folder.js'

let folder: string
let logger: ReturnType<typeof collectLog>
beforeEach(() => {
  folder = tempFolder()
  chmodSync(folder, 0o700)
  logger = collectLog()
})

const create = (port = 9001, server = 'nacos:8848') =>
  createWorkerRegistry({ instance: anInstance({ port }), servers: [server], logger, folder })

/** Makes the file of this process that of another one. */
function handOver(pid: number, start?: string): void {
  const [own] = readdirSync(folder)
  const [identity, , startedAt] = own!.split('-')
  renameSync(join(folder, own!), join(folder, `${identity}-${pid}-${start ?? startedAt}`))
}

test('alone, it is the last one', () => {
  const presence = create()
  presence.add()
  expect(readdirSync(folder)).toHaveLength(1)
  expect(presence.isLast()).toBe(true)
  expect(presence.remove()).toBe(true)
  expect(readdirSync(folder)).toEqual([])
})

test('beside a living process it is not, until that one is dead', async () => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await once(other, 'spawn')
  const presence = create()
  presence.add()
  handOver(other.pid!, '')
  presence.add()
  expect(presence.remove()).toBe(false)
  other.kill('SIGKILL')
  await once(other, 'exit')
  expect(presence.remove()).toBe(true)
  expect(readdirSync(folder)).toEqual([])
})

test.skipIf(process.platform !== 'linux')('a later process with the same pid is another one', () => {
  const presence = create()
  presence.add()
  handOver(process.ppid, '1')
  expect(presence.remove()).toBe(true)
})

test('other ports and other registries are none of its business', () => {
  const all = [create(9001), create(9002), create(9001, 'other:8848')]
  for (const presence of all) presence.add()
  expect(readdirSync(folder)).toHaveLength(3)
  for (const presence of all) expect(presence.remove()).toBe(true)
})

test('a folder that others can write to is not used, and it says so', () => {
  chmodSync(folder, 0o777)
  const presence = create()
  presence.add()
  expect(readdirSync(folder)).toEqual([])
  expect(logger.lines.join()).toMatch(/warn cluster workers cannot find each other .*only this user can write to/)
  expect(presence.remove()).toBe(true)
})

test('a strange file is no process', () => {
  const presence = create()
  presence.add()
  const [own] = readdirSync(folder)
  writeFileSync(join(folder, `${own!.split('-')[0]}-..`), '')
  expect(presence.remove()).toBe(true)
})

test.skipIf(process.platform !== 'linux')('a zombie is dead', async () => {
  const presence = create()
  presence.add()
  // Its parent sleeps and never asks how it ended.
  const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 5'])
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(line)
  const stat = () => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
  await vi.waitFor(() => expect(stat()[0]).toBe('Z'))
  handOver(pid, stat()[19])
  expect(presence.remove()).toBe(true)
  parent.kill()
})
