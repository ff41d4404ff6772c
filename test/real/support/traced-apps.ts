import { mkdirSync, mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { startChild, type Child } from '../../support/child.js'
import { linkPackages } from '../servers/npm-packages.js'

export type Attributes = Readonly<Record<string, string | number | boolean>>

/** A span as it came over the wire of OTLP. */
export interface SentSpan {
  readonly service: string
  readonly scope: string
  readonly name: string
  /** As in OTLP: 1 INTERNAL, 2 SERVER, 3 CLIENT. */
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  /** Empty for a root. */
  readonly parentSpanId: string
  readonly attributes: Attributes
  readonly events: readonly { readonly name: string; readonly attributes: Attributes }[]
  /** 2 is an error. */
  readonly status: number
}

export interface SpanCollector {
  readonly url: string
  readonly spans: SentSpan[]
  stop(): void
}

interface KeyValue {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

interface OtlpSpan extends Pick<SentSpan, 'name' | 'kind' | 'traceId' | 'spanId'> {
  readonly parentSpanId?: string
  readonly attributes?: readonly KeyValue[]
  readonly events?: readonly { readonly name: string; readonly attributes?: readonly KeyValue[] }[]
  readonly status?: { readonly code?: number }
}

interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] }
    readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly OtlpSpan[] }[]
  }[]
}

/** Takes spans as OTLP over HTTP in JSON. */
export async function startSpanCollector(): Promise<SpanCollector> {
  const spans: SentSpan[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.url === '/v1/traces')
        spans.push(...readSpans(JSON.parse(Buffer.concat(chunks).toString()) as OtlpRequest))
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, stop }
}

function readSpans({ resourceSpans }: OtlpRequest): SentSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        ...{ service: String(flat(resource.attributes)['service.name']), scope: scope.name },
        ...{ name: span.name, kind: span.kind, traceId: span.traceId, spanId: span.spanId },
        ...{ parentSpanId: span.parentSpanId ?? '', attributes: flat(span.attributes), status: span.status?.code ?? 0 },
        events: (span.events ?? []).map(({ name, attributes }) => ({ name, attributes: flat(attributes) })),
      })),
    ),
  )
}

function flat(attributes: readonly KeyValue[] = []): Attributes {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const [[type, plain] = []] = Object.entries(value)
      return [key, type === 'intValue' ? Number(plain) : (plain as string)]
    }),
  )
}

export type ModuleSystem = 'esm' | 'cjs'

/** A folder as an app's, with the app in both module systems, and its packages. */
export function tracedAppFolder(packages: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'traced-apps-'))
  linkPackages(folder, packages)
  const source = fileURLToPath(new URL('../../fixtures/apps/traced-app.ts', import.meta.url))
  mkdirSync(folder, { recursive: true })
  for (const [format, extension] of [
    ['esm', 'mjs'],
    ['cjs', 'cjs'],
  ] as const)
    buildSync({
      ...{ entryPoints: [source], outfile: join(folder, `app.${extension}`), format },
      ...{ bundle: true, packages: 'external', tsconfigRaw: '{}', platform: 'node', target: 'node20' },
    })
  return folder
}

const REGISTER = '@opentelemetry/auto-instrumentations-node/register'
/** As the documentation of OpenTelemetry has it. */
export const OTEL_START: Readonly<Record<ModuleSystem, readonly string[]>> = {
  esm: ['--import', REGISTER, '--experimental-loader=@opentelemetry/instrumentation/hook.mjs', '--no-warnings'],
  cjs: ['--require', REGISTER],
}

export interface TracedAppOptions {
  readonly folder: string
  readonly system: ModuleSystem
  readonly collector: SpanCollector
  readonly settings: object
  readonly service: string
  readonly framework: string
  readonly next?: string
  readonly env?: Readonly<Record<string, string>>
  /** @default as OpenTelemetry is installed */
  readonly execArgv?: readonly string[]
}

export interface TracedApp extends Child {
  readonly url: string
  readonly port: number
}

export async function startTracedApp(options: TracedAppOptions): Promise<TracedApp> {
  const { folder, system, collector, settings, service, framework, next, env, execArgv = OTEL_START[system] } = options
  const child = startChild(join(folder, system === 'esm' ? 'app.mjs' : 'app.cjs'), {
    cwd: folder,
    execArgv,
    env: {
      ...{ FRAMEWORK: framework, NEXT: next, SETTINGS: JSON.stringify(settings) },
      ...{ OTEL_SERVICE_NAME: service, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
      ...{ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_TRACES_EXPORTER: 'otlp', OTEL_BSP_SCHEDULE_DELAY: '100' },
      ...{ OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none', OTEL_NODE_RESOURCE_DETECTORS: 'env' },
      ...env,
    },
  })
  const { port } = await child.message<{ port: number }>('registered')
  return Object.assign(child, { port, url: `http://127.0.0.1:${port}` })
}
