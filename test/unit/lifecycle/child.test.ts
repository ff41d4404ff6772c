import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { killChildren, startChild } from '../../support/child.js'

let dir: string
const script = async (name: string, code: string) => {
  const path = join(dir, name)
  await writeFile(path, code)
  return path
}
beforeAll(async () => (dir = await mkdtemp(join(tmpdir(), 'child-'))))
afterEach(killChildren)
afterAll(() => rm(dir, { recursive: true }))

test('collects lines, JSON and IPC messages, and the exit code', async () => {
  const child = startChild(
    await script(
      'talk.mjs',
      `console.log('{"type":"printed","n":1}'); console.error('to stderr');
       process.on('message', (m) => { process.send({ type: 'echo', m }); process.disconnect(); process.exitCode = 7 })`,
    ),
  )
  expect(await child.message('printed')).toEqual({ type: 'printed', n: 1 })
  expect((await child.line(/to (\w+)/))[1]).toBe('stderr')
  child.send({ hello: true })
  expect(await child.message('echo')).toEqual({ type: 'echo', m: { hello: true } })
  expect(await child.exited).toEqual({ code: 7, signal: null })
})

test('a wait for what never comes says what the child printed', async () => {
  const child = startChild(await script('short.mjs', `console.log('only this')`))
  await expect(child.line('never')).rejects.toThrow(/child ended \(0\) before a line with never[^]*only this/)
})

test('signals reach the child', async () => {
  const child = startChild(await script('loop.mjs', `setInterval(() => {}, 1000); console.log('up')`))
  await child.line('up')
  child.signal('SIGTERM')
  expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' })
})
