import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Logger } from 'nacos-sidecar'
import { describe, expect, test } from 'vitest'
import { openLog } from '../../src/logging.js'
import { escaping } from '../../src/logger.js'
import { settingsSchema } from '../../src/settings/schema.js'
import { tempFolder } from '../support/temp-folder.js'

function open(logFile: string, level = 'info') {
  const said: string[] = []
  const say = (as: string) => (message: string) => void said.push(`${as} ${message}`)
  const own: Logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
  const settings = settingsSchema.parse({ sidecar: { logFile }, logging: { level: { 'nacos-sidecar': level } } })
  return { logger: openLog(settings, own).logger, own, said }
}

const messagesIn = (file: string) =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\S+Z /, ''))

describe('sidecar.log-file', () => {
  test('gets every line of its level, beside the logger, in a folder that is made', () => {
    const file = join(tempFolder(), 'logs', 'today', 'sidecar.log')
    const { logger, said } = open(file)
    logger.debug('a detail')
    logger.info('registered')
    logger.error('lost')
    expect(messagesIn(file)).toEqual(['INFO  nacos-sidecar registered', 'ERROR nacos-sidecar lost'])
    expect(said).toEqual(['debug a detail', 'info registered', 'error lost'])
  })

  test('is appended to, and made anew where it was rotated away', () => {
    const file = join(tempFolder(), 'sidecar.log')
    open(file).logger.info('one run')
    const { logger } = open(file)
    logger.info('the next')
    expect(messagesIn(file)).toEqual(['INFO  nacos-sidecar one run', 'INFO  nacos-sidecar the next'])
    renameSync(file, `${file}.1`)
    logger.info('after the rotation')
    expect(messagesIn(file)).toEqual(['INFO  nacos-sidecar after the rotation'])
  })

  test('that cannot be written is reported once, breaks nothing, and has every line once it can be', () => {
    const file = join(tempFolder(), 'sidecar.log')
    mkdirSync(file)
    const { logger, said } = open(file)
    logger.info('one')
    logger.info('two')
    const failed = expect.stringMatching(/^warn sidecar\.log-file .*EISDIR.*the last lines are kept/) as string
    expect(said).toEqual(['info one', failed, 'info two'])
    rmSync(file, { recursive: true })
    logger.info('three')
    expect(messagesIn(file).filter((line) => line.startsWith('INFO'))).toEqual([
      'INFO  nacos-sidecar one',
      'INFO  nacos-sidecar two',
      'INFO  nacos-sidecar three',
      expect.stringMatching(/is written again$/),
    ])
    rmSync(file)
    mkdirSync(file)
    logger.info('four')
    expect(said.filter((line) => line.startsWith('warn'))).toHaveLength(2)
  })

  test.skipIf(process.platform === 'win32')('may be a pipe without a reader: nothing waits for it', () => {
    const file = join(tempFolder(), 'pipe')
    execFileSync('mkfifo', [file])
    const { logger, said } = open(file)
    logger.info('one')
    expect(said[1]).toMatch(/^warn sidecar\.log-file .*ENXIO/)
  })

  test('that is not set leaves the logger as it is', () => {
    const { logger, said } = open('')
    logger.info('as it is')
    expect(said).toEqual(['info as it is'])
  })

  test('G12: is made for its owner and group alone, and an existing one keeps its mode', () => {
    const file = join(tempFolder({ 'old.log': '' }), 'new.log')
    open(file).logger.info('line')
    expect(statSync(file).mode & 0o777).toBe(0o640 & ~process.umask())
    const old = join(dirname(file), 'old.log')
    chmodSync(old, 0o604)
    open(old).logger.info('line')
    expect(statSync(old).mode & 0o777).toBe(0o604)
  })

  test('of a silent sidecar is never made', () => {
    const file = join(tempFolder(), 'sidecar.log')
    const { logger } = open(file, 'silent')
    logger.error('lost')
    expect(existsSync(file)).toBe(false)
  })
})

describe('a logger that fails', () => {
  const broken = {
    throws: () => {
      throw new TypeError('no transport')
    },
    rejects: () => Promise.reject(new TypeError('no transport')),
  }

  test.each(['throws', 'rejects'] as const)('G6: one that %s harms nothing but its own lines', async (how) => {
    const log = broken[how]
    const spare: string[] = []
    const keep = (message: string) => void spare.push(message)
    const logger = escaping(
      { debug: log, info: log, warn: log, error: log },
      { debug: keep, info: keep, warn: keep, error: keep },
    )
    logger.warn('one\ntwo')
    logger.info('three')
    await new Promise(setImmediate)
    expect(spare).toEqual([expect.stringContaining('no transport'), 'one\\ntwo', 'three'])
  })

  test('G6: and so does one without the methods', () => {
    const spare: string[] = []
    const keep = (message: string) => void spare.push(message)
    escaping({} as Logger, { debug: keep, info: keep, warn: keep, error: keep }).warn('x')
    expect(spare).toEqual([expect.stringContaining('not a function'), 'x'])
  })
})
