import { createLogger, createSidecar, runWithContext } from 'nacos-sidecar'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openLog } from '../../src/logging.js'
import { settingsSchema } from '../../src/settings/schema.js'
import { collectLog } from '../support/collect.js'
import { observer, type LoggedSidecar } from '../support/member.js'
import { startOutage, testRegistry } from '../support/registry.js'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempFolder } from '../support/temp-folder.js'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const traced = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` }

test('json: one object a line, with the fields and the trace of the request', () => {
  const file = join(tempFolder(), 'sidecar.log')
  const settings = settingsSchema.parse({ sidecar: { logFile: file }, logging: { format: 'JSON' } })
  const { logger } = openLog(settings, collectLog())
  logger.info('one\nline')
  runWithContext(traced, () =>
    logger.warn('lost', { server: '10.0.0.1:8848', ms: 3, level: 'forged', gone: undefined }),
  )
  const lines = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object)
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string
  expect(lines).toEqual([
    { time, level: 'info', logger: 'nacos-sidecar', message: 'one\\nline' },
    {
      time,
      level: 'warn',
      logger: 'nacos-sidecar',
      message: 'lost',
      server: '10.0.0.1:8848',
      ms: 3,
      traceId: TRACE_ID,
    },
  ])
  expect(Object.keys(lines[1]!).slice(0, 4)).toEqual(['time', 'level', 'logger', 'message'])
})

test('json: whatever a field holds, it is one line of JSON, and nothing is thrown', () => {
  const lines: string[] = []
  const logger = createLogger('info', (line) => void lines.push(line), 'json')
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  const thrown = {
    get bad() {
      throw new Error('a getter')
    },
  }
  for (const fields of [{ n: 10n }, { circular }, { s: Symbol('a') }, { message: 'forged', level: 'error' }])
    logger.info('m', { ok: 'a\n', ...fields } as never)
  logger.info('getter', thrown as never)
  logger.info(Object.create(null) as never)
  expect(lines).toHaveLength(6)
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ level: 'info', logger: 'nacos-sidecar' })
  expect(lines[0]).toContain('"n":"10"')
  expect(lines[4]).toContain('"bad":"a getter"')
})

test('text: the trace of the request ends the line', () => {
  const lines: string[] = []
  createLogger('info', (line) => void lines.push(line)).info('slow', { traceId: TRACE_ID })
  expect(lines[0]).toMatch(new RegExp(`^\\S+Z INFO  nacos-sidecar slow traceId=${TRACE_ID}\\n$`))
})

test('a logger of the app gets the trace among the fields; a header that is no trace is none', () => {
  const info = vi.fn()
  const { logger } = openLog(settingsSchema.parse({}), { ...collectLog(), info })
  runWithContext(traced, () => logger.info('a', { attempt: 1 }))
  runWithContext({ traceparent: 'canary\r\nforged' }, () => logger.info('b'))
  expect(info.mock.calls).toEqual([['a', { attempt: 1, traceId: TRACE_ID }], ['b']])
})

test('the level is read live from Nacos, and goes back where it is taken away', async () => {
  const outage = await startOutage()
  await outage.publish('a.yml', 'a: 1')
  const file = join(tempFolder(), 'sidecar.log')
  const sidecar = outage.sidecar({ 'config.import': 'nacos:a.yml', 'sidecar.log-file': file })
  await sidecar.ready
  const written = () => readFileSync(file, 'utf8')
  let turn = 0
  const change = async (level: string) => {
    await outage.publish('a.yml', `{ turn: ${++turn}, ${level} }`)
    // Not by the event: the first one may be of an earlier document.
    await vi.waitFor(() => expect(sidecar.config.get('turn', 0)).toBe(turn))
  }
  await change('logging.level.nacos-sidecar: debug')
  expect(written()).toContain('the level of the log is debug from now on (logging.level.nacos-sidecar)')
  await change('logging.level.nacos-sidecar: loud')
  await change('logging.level.nacos-sidecar: loud')
  expect(written().match(/ WARN .*logging\.level.*/g)).toEqual([
    expect.stringMatching(/: expected debug, info, warn, error or silent, got "loud"\. The level stays debug$/),
  ])
  await change('logging.level.nacos-sidecar: error')
  const before = written()
  await change('no: level')
  expect(written().slice(before.length)).toContain('the level of the log is info from now on')
})

test('the last 500 lines are kept, at and above the level', async () => {
  const log = openLog(settingsSchema.parse({}), collectLog())
  log.logger.debug('not kept')
  for (let n = 0; n < 600; n++) log.logger.info(`line ${n}`, { n })
  const recent = log.recent()
  expect(recent).toHaveLength(500)
  expect([recent[0], recent.at(-1)]).toEqual(
    [100, 599].map((n) => ({ time: expect.any(Date) as Date, level: 'info', message: `line ${n}`, fields: { n } })),
  )
})

test('recentLog() of a sidecar has what it logged', async () => {
  const registry = await testRegistry()
  const sidecar = (await observer(registry.settings())) as LoggedSidecar
  await registry.configs.publish({ dataId: 'a.yml', content: 'a: [' })
  const imported = createSidecar({
    configPath: false,
    settings: registry.settings({ 'config.import': 'nacos:a.yml', 'cloud.nacos.discovery.register-enabled': false }),
    logger: collectLog(),
    signals: false,
  })
  onTestFinished(() => imported.stop({ drain: false }))
  await imported.ready
  expect(imported.recentLog()).toContainEqual(
    expect.objectContaining({ level: 'error', message: expect.stringContaining('config a.yml') as string }),
  )
  const logged = sidecar.lines.filter((line) => !line.startsWith('debug '))
  expect(sidecar.recentLog().map(({ level, message }) => `${level} ${message}`)).toEqual(logged)
})

test('what is kept for a page is masked once more, its fields too', () => {
  const { logger, recent } = openLog(settingsSchema.parse({}), collectLog())
  logger.warn('GET http://u:hunter2@h/?token=hunter2 failed: password=hunter2', {
    token: 'hunter2',
    url: 'amqp://a:hunter2@h',
  })
  logger.info('port: 8848', { port: 8848 })
  expect(JSON.stringify(recent())).not.toContain('hunter2')
  expect(recent()[1]).toMatchObject({ message: 'port: 8848', fields: { port: 8848 } })
})
