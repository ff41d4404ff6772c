import { readdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openSnapshotFolder } from '../../src/snapshot/folder.js'
import { startChild } from '../support/child.js'
import { collectLog } from '../support/collect.js'
import { duration } from '../support/scale.js'
import { tempFolder } from '../support/temp-folder.js'

const ROUNDS = duration(60, 8)

test('fault 30: kill -9 in mid-write of a snapshot: the old one or the new one, never half', async () => {
  const path = tempFolder()
  const logger = collectLog()
  let cutOff = 0
  for (let round = 0; round < ROUNDS; round++) {
    const child = startChild(new URL('../fixtures/apps/snapshot-writer.ts', import.meta.url), {
      env: { SNAPSHOTS: path },
    })
    await child.message('writing')
    await pause(Math.random() * 40)
    await child.kill()
    const saved = await openSnapshotFolder(path, logger).read(['config', 'a.yml'])
    const text = saved!.body.toString()
    expect(text).toHaveLength(2_000_000)
    expect(text).toBe(text[0]!.repeat(text.length))
    cutOff = Math.max(cutOff, readdirSync(path).filter((name) => name.endsWith('.tmp')).length)
  }
  expect(logger.lines).toEqual([])
  // The fault was there: writes were cut off, and what they left was not read.
  expect(cutOff).toBeGreaterThan(0)
})
