import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startDevServer, type DevServer, type DevServerOptions } from '../dev-server/index.js'
import { createLogger } from '../logger.js'
import { createSidecar } from '../process-sidecar.js'
import { ignoredServers } from '../process-state.js'
import type { Service } from '../service/definition.js'
import { runServices, type RunningServices, type RunServicesOptions } from '../service/run-services.js'
import type { ServiceInstance } from '../types.js'
import { createTestKit, type TestKit } from './kit.js'

export type { DevServer, DevServerOptions } from '../dev-server/index.js'

/** What a stub can override; the rest is as a sidecar registers it. */
export type StubOptions = Partial<
  Pick<ServiceInstance, 'namespace' | 'group' | 'cluster' | 'weight' | 'enabled' | 'metadata'>
>

/** A service that a test stands in for. */
export interface Stub extends AsyncDisposable {
  /** As it is registered. */
  readonly instance: ServiceInstance
  /** `http://127.0.0.1:port` */
  readonly url: string
  /** Deregisters, then closes the server; calling it twice is harmless. */
  stop(): Promise<void>
}

/** A running embedded registry, the stubs that a test has put there, and what it changes in the sidecars on it. */
export interface TestRegistry extends TestKit, AsyncDisposable {
  /** The embedded registry: its events, and `services()`, what is registered now. */
  readonly server: DevServer
  /** `host:port`, for `cloud.nacos.server-addr`. */
  readonly address: string
  /** Publish, read and delete configs without a request. */
  readonly configs: DevServer['configs']
  /**
   * Settings for a sidecar on this registry: found on 127.0.0.1, quick polls and beats (ms instead of s), no drain.
   *
   * @param own yours, nested or dotted, in any spelling; stronger than these.
   */
  settings(own?: object): object
  /**
   * Serves on a free port and registers as `service`; settles once it is registered.
   *
   * @param service `name`, in the group and namespace of `options`.
   */
  stub(service: string, listener: RequestListener, options?: StubOptions): Promise<Stub>
  /**
   * Runs services of `defineService` on this registry, each on a free port of 127.0.0.1. The stop of the registry stops them first.
   *
   * @param services they start in this order, and stop in reverse; or a list, and options of `runServices` of `nacos-sidecar/service`
   * @throws SidecarError what the start of the first that fails throws
   * @example
   * const { services } = await registry.runServices(stock, orders)
   * const response = await fetch(`${services[1].url}/orders/7`)
   */
  runServices(...services: readonly Service[]): Promise<RunningServices>
  runServices(services: readonly Service[], options?: RunServicesOptions): Promise<RunningServices>
  /** Stops the services that `runServices` has started, every stub, then the registry; calling it twice is harmless. */
  stop(): Promise<void>
}

/** A sidecar sets its own lease; this is for all other clients. */
const QUICK_BEATS = { intervalMs: 500, timeoutMs: 1_500, deleteMs: 3_000 }

/**
 * Starts an embedded registry for a test.
 *
 * @param options as for `startDevServer`; silent instances are unhealthy after 1.5 s and gone after 3 s by default.
 * @throws SidecarError `SIDECAR_DEV_SERVER`
 * @example
 * await using registry = await startTestRegistry()
 * await registry.stub('user-service', (_request, response) => response.end('{"name":"Ada"}'))
 * registry.configs.publish({ dataId: 'portal.yml', content: 'greeting: hello' })
 * const sidecar = createSidecar({
 *   app,
 *   configPath: false,
 *   settings: registry.settings({ application: { name: 'portal' } }),
 * })
 * await sidecar.ready
 */
export async function startTestRegistry(options: DevServerOptions = {}): Promise<TestRegistry> {
  const server = await startDevServer({ ...options, beat: { ...QUICK_BEATS, ...options.beat } })
  const { kit, eventsUrl, close } = createTestKit(server.address)
  const stubs = new Set<Stub>()
  const running = new Set<RunningServices>()
  let stopped: Promise<void> | undefined

  const settings = (own: object = {}) => ({
    'cloud.nacos.server-addr': server.address,
    ...(options.auth && {
      'cloud.nacos.username': options.auth.username,
      'cloud.nacos.password': options.auth.password,
    }),
    'cloud.nacos.discovery.ip': '127.0.0.1',
    'cloud.nacos.discovery.heart-beat-interval': 500,
    'cloud.nacos.discovery.heart-beat-timeout': 1_500,
    'cloud.nacos.discovery.ip-delete-timeout': 3_000,
    'sidecar.poll-interval': 200,
    'sidecar.drain': 0,
    // A stub that stops is gone at once, and one test knows nothing of another.
    'sidecar.empty-protection': 0,
    'sidecar.snapshot-dir': 'off',
    'sidecar.events.url': eventsUrl,
    'sidecar.events.retry.delay': 10,
    ...own,
  })

  async function run(...[first, second, ...rest]: readonly unknown[]): Promise<RunningServices> {
    const several = Array.isArray(first)
    const services = (
      several ? first : [first, second, ...rest].filter((one) => one !== undefined)
    ) as readonly Service[]
    const options = (several ? (second ?? {}) : {}) as RunServicesOptions
    const own = settings({ 'server.port': 0, ...options.settings })
    const all = await runServices(services, { host: '127.0.0.1', signals: false, ...options, settings: own })
    running.add(all)
    return all
  }

  async function stop(): Promise<void> {
    await Promise.all([...running].map((services) => services.stop({ drain: false })))
    await Promise.all([...stubs].map((stub) => stub.stop()))
    await server.stop()
    close()
  }
  const stopOnce = () => (stopped ??= stop())

  return {
    ...kit,
    server,
    address: server.address,
    configs: server.configs,
    settings,
    async stub(service, listener, own = {}) {
      const http = await serve(listener)
      const stub = await register(http, settings(instanceSettings(service, own))).catch((error: unknown) => {
        http.close()
        throw error
      })
      stubs.add(stub)
      return stub
    },
    runServices: run,
    stop: stopOnce,
    [Symbol.asyncDispose]: stopOnce,
  }
}

async function serve(listener: RequestListener): Promise<Server> {
  const http = createServer(listener)
  // A sidecar under test that looks for the process's own server must not take this one.
  ignoredServers().add(http)
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return http
}

/** A stub is a sidecar like any other, so it beats, and leaves in order. */
async function register(http: Server, settings: object): Promise<Stub> {
  const sidecar = createSidecar({ configPath: false, settings, signals: false, logger: createLogger('error') })
  const registered = once(sidecar, 'registered')
  sidecar.listening(http)
  const [{ instance }] = (await registered) as [{ instance: ServiceInstance }]
  const stop = async () => {
    const stopped = sidecar.stop({ drain: false })
    http.closeIdleConnections()
    await stopped
  }
  return {
    instance,
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function instanceSettings(service: string, own: StubOptions): object {
  const { namespace, group, cluster, weight, enabled, metadata } = own
  return {
    application: { name: service },
    cloud: {
      nacos: {
        config: { enabled: false },
        discovery: { namespace, group, clusterName: cluster, weight, instanceEnabled: enabled, metadata },
      },
    },
  }
}
