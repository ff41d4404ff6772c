import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Koa from 'koa'
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openLog } from '../../src/logging.js'
import { settingsSchema } from '../../src/settings/schema.js'
import { killChildren, startChild } from '../support/child.js'
import { collectLog } from '../support/collect.js'
import { collectGarbage } from '../support/cost.js'
import { alerts, join as joinMesh } from '../support/member.js'
import { testRegistry } from '../support/registry.js'
import { tempFolder } from '../support/temp-folder.js'

afterAll(killChildren)

/** The log of a sidecar with a file; `said`: what the console has. */
function logInto(file: string) {
  const own = collectLog()
  const settings = settingsSchema.parse({ sidecar: { logFile: file } })
  return { ...openLog(settings, own), said: own.lines }
}

const linesOf = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n')
/** Without the time and the name. */
const messagesOf = (file: string) => linesOf(file).map((line) => line.replace(/^\S+ (\w+) +nacos-sidecar /, '$1 '))
const about = (lines: readonly string[]) => lines.filter((line) => line.includes('sidecar.log-file'))

/** A file system of 64 KB; `undefined` where the tests may not mount one. */
function smallDisk(): string | undefined {
  const folder = tempFolder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', folder]))
  return folder
}

describe.runIf(process.platform === 'linux')('fault 58: no space left for the log file', () => {
  test('the service serves, the console says it once, and each line is written when there is room', async () => {
    const registry = await testRegistry()
    const file = join(tempFolder(), 'sidecar.log')
    symlinkSync('/dev/full', file)
    const app = new Koa()
    app.use((context) => void (context.body = 'ok'))
    const settings = { 'application.name': 'orders', 'sidecar.log-file': file, 'sidecar.observe.access-log': true }
    const { sidecar, url, lines } = await joinMesh(app, registry.settings(settings))
    for (let n = 0; n < 100; n++) expect((await fetch(`${url}/orders/${n}`)).status).toBe(200)
    expect(about(alerts(sidecar))).toEqual([expect.stringMatching(/^warn .*cannot be written: ENOSPC/)])

    rmSync(file)
    await vi.waitFor(() => expect(about(lines)).toHaveLength(2), { timeout: 10_000 })
    expect(about(lines)[1]).toMatch(/^info sidecar\.log-file .* is written again$/)
    const written = messagesOf(file)
    expect(written.filter((line) => line.startsWith('INFO GET /orders/')).map((line) => line.split(' ')[2])).toEqual(
      Array.from({ length: 100 }, (_, n) => `/orders/${n}`),
    )
    expect(about(written)).toHaveLength(2)
    expect(sidecar.status().registered).toBe(true)
  })

  test('what waits is bounded: the oldest lines are lost, and their number is said', () => {
    const file = join(tempFolder(), 'sidecar.log')
    symlinkSync('/dev/full', file)
    const { logger, said } = logInto(file)
    logger.info('the first')
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    // Digits: in letters, the name of a secret is looked for.
    for (let n = 0; n < 8_000; n++) {
      logger.info(`${n} ${'0'.repeat(600)}`)
      said.length = 0
    }
    collectGarbage()
    // Without a bound it would be 5 MB.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(3_000_000)
    rmSync(file)
    logger.info('there is room')
    const [, count] = /; (\d+) lines are lost/.exec(about(said)[0]!)!
    const written = messagesOf(file)
    expect(written.at(-1)).toMatch(/^INFO sidecar\.log-file .* lines are lost$/)
    expect(written.at(-2)).toBe('INFO there is room')
    expect(written.at(-3)).toMatch(/^INFO 7999 0+$/)
    // The two lines in which it is said, the first and the last one stand beside the 8,000.
    expect(written.length + Number(count)).toBe(8_004)
  })

  test('a disk that fills up in the middle of a line: no half line is left, and none is missing', (context) => {
    const disk = smallDisk()
    if (disk === undefined) return context.skip('no file system can be mounted here')
    const file = join(disk, 'sidecar.log')
    writeFileSync(join(disk, 'other'), 'x'.repeat(40_000))
    const { logger, said } = logInto(file)
    const sent = Array.from({ length: 150 }, (_, n) => `line ${n} ${'x'.repeat(200)}`)
    for (const line of sent) logger.info(line)
    expect(about(said)).toEqual([expect.stringMatching(/cannot be written: ENOSPC/)])
    // The disk took a part of a line.
    expect(readFileSync(file, 'utf8').endsWith('\n')).toBe(false)
    rmSync(join(disk, 'other'))
    logger.info('there is room')
    expect(about(said).at(-1)).toMatch(/is written again$/)
    const own = messagesOf(file).filter((line) => !line.includes('sidecar.log-file'))
    expect(own).toEqual([...sent, 'there is room'].map((line) => `INFO ${line}`))
  })

  test('stderr on a full disk, or a pipe that its reader has closed: the service serves', async () => {
    const source = `
      import { createServer } from 'node:http'
      import { createSidecar } from 'nacos-sidecar'
      createSidecar({ configPath: false, settings: {
        'application.name': 'orders', 'cloud.nacos.config.enabled': false,
        'cloud.nacos.discovery.register-enabled': false, 'sidecar.observe.access-log': true } })
      const server = createServer((request, response) => response.end('ok'))
      server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ type: 'listening', port: server.address().port })))`
    const run = (redirect: string) =>
      startChild('script', {
        wrapper: ['bash', '-c', `exec "$0" "$@" ${redirect}`],
        cwd: process.cwd(),
        execArgv: ['--input-type=module', '--eval', source],
      })
    const [full, closed] = [run('2>/dev/full'), run('')]
    for (const child of [full, closed]) {
      const { port } = await child.message<{ port: number }>('listening')
      if (child === closed) child.process.stderr!.destroy()
      for (let n = 0; n < 20; n++) expect((await fetch(`http://127.0.0.1:${port}/${n}`)).status).toBe(200)
      expect(child.process.exitCode).toBe(null)
    }
  })
})

describe('fault 58: brothers', () => {
  test('permission lost and given back: said once each, nothing lost', () => {
    const folder = tempFolder()
    const file = join(folder, 'sidecar.log')
    const { logger, said } = logInto(file)
    // Permissions do not hold root back.
    if (process.geteuid?.() === 0) {
      chmodSync(folder, 0o777)
      process.seteuid!(65534)
      onTestFinished(() => process.seteuid!(0))
    }
    logger.info('one')
    chmodSync(file, 0o000)
    for (const line of ['two', 'three']) logger.info(line)
    chmodSync(file, 0o640)
    logger.info('four')
    expect(about(said)).toEqual([expect.stringMatching(/EACCES/), expect.stringMatching(/is written again$/)])
    const own = messagesOf(file).filter((line) => !line.includes('sidecar.log-file'))
    expect(own).toEqual(['INFO one', 'INFO two', 'INFO three', 'INFO four'])
  })

  test('the folder is removed: it is made again', () => {
    const folder = join(tempFolder(), 'logs')
    const file = join(folder, 'sidecar.log')
    const { logger, said } = logInto(file)
    logger.info('one')
    rmSync(folder, { recursive: true })
    logger.info('two')
    expect(messagesOf(file)).toEqual(['INFO two'])
    expect(about(said)).toEqual([])
  })

  test('logrotate by rename and by copytruncate, without a signal: each line is in one file, once', () => {
    const file = join(tempFolder(), 'sidecar.log')
    const { logger } = logInto(file)
    logger.info('one')
    renameSync(file, `${file}.1`)
    logger.info('two')
    writeFileSync(`${file}.2`, readFileSync(file))
    truncateSync(file)
    logger.info('three')
    expect([`${file}.1`, `${file}.2`, file].map(messagesOf)).toEqual([['INFO one'], ['INFO two'], ['INFO three']])
  })
})
