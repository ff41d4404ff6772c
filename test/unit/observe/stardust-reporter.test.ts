import { gunzipSync } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import { createStardustReporter } from '../../../src/observe/stardust-reporter.js'
import type { OperationStats, StatsPeriod, StatsReporter } from 'nacos-sidecar'
import { startCollector, type Collector } from '../../support/collector.js'

const AT = new Date(1_800_000_000_000)
const operation = (more: Partial<OperationStats> = {}): OperationStats => ({
  ...{ kind: 'server', name: 'GET /users/:id', count: 3, errors: 1, attempts: 3 },
  ...{ min: 0, max: 7.6, total: 9.2, p50: 1, p99: 7.6, samples: [], errorSamples: [] },
  ...more,
})
const period = (...operations: OperationStats[]): StatsPeriod => ({
  ...{ from: new Date(AT.getTime() - 60_000), to: AT, operations },
})
const reporterTo = ({ url }: Pick<Collector, 'url'>): StatsReporter =>
  createStardustReporter({ url: `${url}/`, appId: 'portal', secret: 'canary-secret', clientId: () => '10.0.0.7@42' })
const report = async (reporter: StatsReporter, given: StatsPeriod) =>
  reporter.report(given, { signal: new AbortController().signal })
const paths = ({ received }: Collector) => received.map(({ path }) => path)
const jsonOf = (bytes: Buffer) => JSON.parse(bytes.toString()) as Record<string, unknown>

test('logs in once, then reports: the token in a header, the secret in no other request', async () => {
  const collector = await startCollector()
  const reporter = reporterTo(collector)
  await report(reporter, period(operation()))
  await report(reporter, period(operation()))
  expect(paths(collector)).toEqual(['/App/Login', '/Trace/Report', '/Trace/Report'])
  const [login, first] = collector.received
  expect(jsonOf(login!.bytes)).toEqual({
    ...{ AppId: 'portal', Secret: 'canary-secret', ClientId: '10.0.0.7@42', AppName: 'portal' },
  })
  expect(first!.headers).toMatchObject({
    ...{ authorization: 'Bearer token-1', 'content-type': 'application/json; charset=utf-8' },
  })
  const later = collector.received.slice(1)
  expect(later.some(({ path, bytes, headers }) => `${path}${bytes}${JSON.stringify(headers)}`.includes('canary'))).toBe(
    false,
  )
})

test('a builder for each operation, a span for each sample', async () => {
  const collector = await startCollector()
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const samples = [{ at: AT, ms: 12.4, traceId, status: 200, instance: '10.0.0.1:80', attempts: 2 }]
  const errorSamples = [
    { at: AT, ms: 5, code: 'SIDECAR_CALL_TIMEOUT' },
    { at: AT, ms: 5, status: 503 },
  ]
  const call = operation({ kind: 'client', name: `GET ${'x'.repeat(500)}`, samples, errorSamples })
  await report(reporterTo(collector), period(operation()))
  await report(reporterTo(collector), period(call))
  const { Builders: [served], ...model } = jsonOf(collector.received[1]!.bytes) as { Builders: unknown[] } // prettier-ignore
  expect(model).toEqual({ AppId: 'portal', AppName: 'portal', ClientId: '10.0.0.7@42' })
  const times = { StartTime: AT.getTime() - 60_000, EndTime: AT.getTime() }
  expect(served).toEqual({
    ...{ Name: 'GET /users/:id', ...times, Total: 3, Errors: 1, Cost: 9, MaxCost: 8, MinCost: 0 },
    ...{ Samples: [], ErrorSamples: [] },
  })
  const raw = collector.received.at(-1)!
  const { Builders: [called] } = jsonOf(raw.bytes) as { Builders: Record<string, unknown>[] } // prettier-ignore
  expect(called!['Name']).toMatch(/^client:GET x{189}$/)
  expect(called!['Samples']).toEqual([
    {
      ...{ Id: expect.stringMatching(/^[\da-f]{16}$/) as string, ParentId: '', TraceId: traceId },
      ...{ StartTime: AT.getTime() - 12, EndTime: AT.getTime(), Error: '' },
      Tag: 'status=200 instance=10.0.0.1:80 attempts=2',
    },
  ])
  expect(called!['ErrorSamples']).toMatchObject([{ Error: 'SIDECAR_CALL_TIMEOUT' }, { Error: 'HTTP 503' }])
})

test('above 1 KB the body is gzip, to a path of its own', async () => {
  const collector = await startCollector()
  const many = Array.from({ length: 50 }, (_, n) => operation({ name: `GET /route-${n}` }))
  await report(reporterTo(collector), period(...many))
  const { path, headers, bytes } = collector.received.at(-1)!
  expect(path).toBe('/Trace/ReportRaw')
  expect(headers).toMatchObject({ 'content-type': 'application/x-gzip', authorization: 'Bearer token-1' })
  expect([...bytes.subarray(0, 2)]).toEqual([0x1f, 0x8b])
  expect(Number(headers['content-length'])).toBe(bytes.length)
  expect(jsonOf(gunzipSync(bytes))['Builders']).toHaveLength(50)
})

test('a token that the collector no longer takes is renewed, and the report sent again', async () => {
  const collector = await startCollector()
  const reporter = reporterTo(collector)
  await report(reporter, period(operation()))
  collector.expire()
  await report(reporter, period(operation()))
  expect(paths(collector).slice(2)).toEqual(['/Trace/Report', '/App/Login', '/Trace/Report'])
  expect(collector.received.at(-1)!.headers.authorization).toBe('Bearer token-2')
})

test('a token is renewed before it expires', async () => {
  const collector = await startCollector({ expireSeconds: 0.1 })
  const reporter = reporterTo(collector)
  await report(reporter, period(operation()))
  await vi.waitFor(async () => {
    await report(reporter, period(operation()))
    expect(paths(collector).filter((path) => path === '/App/Login').length).toBeGreaterThan(1)
  })
})

test('a connection that is cut is no failure: once more on another one', async () => {
  const collector = await startCollector()
  const reporter = reporterTo(collector)
  await report(reporter, period(operation()))
  const { answer } = collector
  collector.answer = (_request, response) => {
    collector.answer = answer
    response.socket!.destroy()
  }
  await report(reporter, period(operation()))
  expect(paths(collector)).toEqual(['/App/Login', '/Trace/Report', '/Trace/Report', '/Trace/Report'])
})

test.each([
  [
    'a refused login',
    (_: unknown, response: { end(text: string): void }) => response.end('{"code":403,"message":"canary-secret"}'),
    '/App/Login: code 403',
  ],
  [
    'a page of a proxy',
    (_: unknown, response: { statusCode: number; end(text: string): void }) => {
      response.statusCode = 502
      response.end('<html>canary')
    },
    '/App/Login: code 502',
  ],
  [
    'an answer without a token',
    (_: unknown, response: { end(text: string): void }) => response.end('{"code":0,"data":{}}'),
    '/App/Login: the answer holds no token',
  ],
] as const)('%s is an error that names the host and the code, and repeats nothing', async (_, answer, why) => {
  // prettier-ignore
  const collector = await startCollector()
  collector.answer = answer
  const error = await report(reporterTo(collector), period(operation())).catch((thrown: unknown) => thrown as Error)
  expect(String(error)).toContain(`127.0.0.1:${new URL(collector.url).port}${why}`)
  expect(String(error)).not.toContain('canary')
})

test('a redirect is not followed: the secret goes to no other host', async () => {
  const [collector, other] = [await startCollector(), await startCollector()]
  collector.answer = (_request, response) => void response.writeHead(307, { location: `${other.url}/App/Login` }).end()
  await expect(report(reporterTo(collector), period(operation()))).rejects.toThrow()
  expect(other.received).toEqual([])
})

test('a period without operations is not sent', async () => {
  const collector = await startCollector()
  await report(reporterTo(collector), period())
  expect(collector.received).toEqual([])
})
