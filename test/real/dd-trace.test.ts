import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { startTestRegistry, type TestRegistry } from 'nacos-sidecar/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Hop } from '../fixtures/apps/traced-app.js'
import { killChildren } from '../support/child.js'
import { npmPackages } from './servers/npm-packages.js'
import { Unavailable } from './servers/unavailable.js'
import { cannotBeHad } from './support/on-server.js'
import {
  startSpanCollector,
  startTracedApp,
  tracedAppFolder,
  type ModuleSystem,
  type SpanCollector,
  type TracedApp,
} from './support/traced-apps.js'

const PACKAGES = [
  ...['dd-trace@5', '@opentelemetry/api@1.9'],
  ...['express@5', 'fastify@5', 'koa@3', '@koa/router', 'undici@7'],
]
const STYLES = ['typed', 'fetch', 'axios', 'undici']
/** As the documentation of dd-trace has it. */
const START: Readonly<Record<ModuleSystem, readonly string[]>> = {
  cjs: ['--require', 'dd-trace/init'],
  esm: ['--import', 'dd-trace/initialize.mjs', '--no-warnings'],
}

const installed = await npmPackages('dd-trace', PACKAGES).then(
  (packages) => ({ packages, missing: undefined }),
  (error: unknown) => ({
    packages: '',
    missing: { reason: String(error), toolAbsent: error instanceof Unavailable && error.absent !== undefined },
  }),
)

describe.each(['cjs', 'esm'] as const)('dd-trace as people install it: %s', (system) => {
  if (installed.missing) return cannotBeHad(installed.missing)
  let registry: TestRegistry
  let agent: SpanCollector
  let folder: string
  let gateway: TracedApp

  beforeAll(async () => {
    registry = await startTestRegistry()
    agent = await startSpanCollector()
    folder = tracedAppFolder(installed.packages)
    const start = (framework: string, service: string, next?: string) =>
      startTracedApp({
        ...{ folder, system, collector: agent, framework, service, execArgv: START[system] },
        ...(next !== undefined && { next }),
        settings: registry.settings({ 'application.name': service }),
        env: {
          ...{ DD_TRACE_AGENT_URL: agent.url, DD_SERVICE: service, DD_TRACE_STARTUP_LOGS: 'false' },
          ...{ DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false', DD_REMOTE_CONFIGURATION_ENABLED: 'false' },
        },
      })
    ;[gateway] = await Promise.all([start('express', 'gateway', 'a'), start('fastify', 'a', 'b'), start('koa', 'b')])
  })
  afterAll(async () => {
    await killChildren()
    agent.stop()
    await registry.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test.each(STYLES)('K1: %s: one trace over three hops, one header each', async (style) => {
    const traceId = randomBytes(16).toString('hex')
    const traceparent = `00-${traceId}-${randomBytes(8).toString('hex')}-01`
    const response = await fetch(`${gateway.url}/hop/${style}`, { headers: { traceparent } })
    expect(response.status).toBe(200)
    const first = (await response.json()) as Hop
    const hops = [first, first.next!, first.next!.next!]
    expect(hops.map(({ traceparents }) => traceparents.length)).toEqual([1, 1, 1])
    const headers = hops.map(({ traceparents }) => traceparents[0]!.split('-'))
    expect(headers.map(([, trace]) => trace)).toEqual([traceId, traceId, traceId])
    // Each is of a span of dd-trace's own.
    expect(new Set(headers.map(([, , span]) => span)).size).toBe(3)
  })
})
