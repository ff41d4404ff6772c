import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Logger, type ServiceInstance, type ServiceKey, SidecarError } from 'nacos-sidecar'
import { onTestFinished } from 'vitest'
import type { ServiceDirectory } from '../../src/discovery/directory.js'
import type { Emit } from '../../src/events.js'
import { setActiveRuntime } from '../../src/calls/active-runtime.js'
import { createCallRuntime, type CallRuntime } from '../../src/calls/runtime.js'
import { Recorder } from '../../src/observe/recorder.js'
import { settingsSchema } from '../../src/settings/schema.js'
import { pollServices } from '../../src/nacos/polling.js'

/** A request as a provider saw it. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** Port that took it. */
  readonly port: number
}

export interface Provider {
  readonly port: number
  readonly origin: string
  readonly seen: Seen[]
  readonly server: Server
  close(): Promise<void>
}

/** Real node:http server that records what it is asked. */
export async function startProvider(
  answer: (request: Seen, response: ServerResponse) => void = echo,
): Promise<Provider> {
  const seen: Seen[] = []
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const entry = { method, url, headers, body: Buffer.concat(chunks).toString('utf8'), port }
      seen.push(entry)
      answer(entry, response)
    })
    request.on('error', () => {})
  }
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  onTestFinished(close)
  return { port, origin: `http://127.0.0.1:${port}`, seen, server, close }
}

/** Answers with what was asked. */
export function echo({ method, url, body, port }: Seen, response: ServerResponse): void {
  json(response, { method, url, body, port })
}

export function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8' }).end(JSON.stringify(body))
}

/** A port without a listener. */
export { ownPort as closedPort } from './own-port.js'

export function instance(service: string, port: number, more: Partial<ServiceInstance> = {}): ServiceInstance {
  const base = { namespace: '', group: 'DEFAULT_GROUP', service, ip: '127.0.0.1', port, cluster: 'DEFAULT' }
  return { ...base, weight: 1, healthy: true, enabled: true, ephemeral: true, metadata: {}, ...more }
}

/** The registry's list, held in memory; everything behind it is real. */
export class FakeRegistry {
  readonly asked: ServiceKey[] = []
  failure: Error | undefined
  private readonly lists = new Map<string, readonly ServiceInstance[]>()

  set(service: string, ...instances: ServiceInstance[]): void {
    this.lists.set(service, instances)
  }

  async list(key: ServiceKey): Promise<ServiceInstance[]> {
    this.asked.push(key)
    if (this.failure) throw this.failure
    return [...(this.lists.get(key.service) ?? [])]
  }
}

export interface Mesh {
  readonly registry: FakeRegistry
  readonly directory: ServiceDirectory
  readonly runtime: CallRuntime
  readonly logged: string[]
  readonly events: unknown[][]
}

/** A runtime as sidecar.ts builds it, made the process's own until the test ends. */
export function startMesh(settings: object = {}): Mesh {
  const registry = new FakeRegistry()
  const logged: string[] = []
  const events: Mesh['events'] = []
  const log = (message: string) => void logged.push(message)
  const logger: Logger = { debug: log, info: log, warn: log, error: log }
  const parsed = settingsSchema.parse(settings)
  const { pollInterval: intervalMs } = parsed.sidecar
  const ask = (key: ServiceKey) => registry.list(key)
  const watchService = pollServices({ ask, intervalMs, immediate: false, logger })
  const transport = Object.assign(registry, { watchService })
  const emit = ((...event: unknown[]) => void events.push(event)) as Emit
  const recorder = new Recorder(parsed.sidecar.observe)
  const runtime = createCallRuntime({ transport, namespace: '', settings: parsed, logger, emit, recorder })
  setActiveRuntime(runtime)
  onTestFinished(async () => {
    setActiveRuntime(undefined)
    await runtime.close()
  })
  return { registry, directory: runtime.directory, runtime, logged, events }
}

export function unavailable(): SidecarError {
  return new SidecarError('SIDECAR_REGISTRY_UNAVAILABLE', 'no answer from 127.0.0.1:8848')
}
