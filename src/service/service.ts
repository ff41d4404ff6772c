import type { AddressInfo } from 'node:net'
import { SidecarError } from '../errors.js'
import { startProcessSidecar } from '../process-sidecar.js'
import { readOwnPackage } from '../settings/own-package.js'
import { Sidecar } from '../sidecar.js'
import type { SidecarInternals, SidecarOptions } from '../sidecar-options.js'
import { isApp, openBackend, type OpenBackend } from './backend.js'
import { setCurrentService } from './current.js'
import type {
  AppOf,
  Backend,
  RunningService,
  Service,
  ServiceDefinition,
  ServiceParts,
  ServicePlugin,
} from './definition.js'
import { brand } from './is-service.js'
import { check, checkLate, checkRun, namesPort, optionsOf, setupTimeoutOf, type InternalRunOptions } from './options.js'
import { listenError, untilRegistered, urlOf } from './serve.js'

/** As Spring Boot has it. */
const DEFAULT_PORT = 8080

/** A service whose app is made. */
interface Made {
  readonly backend: OpenBackend
  readonly sidecar: Sidecar
}

/**
 * A service as one object: a name, what serves, what is set up, how it starts and stops. `run()` serves; `application()` is the same
 * app for tests and for servers of your own; `nacos-sidecar run service.ts` runs what a file exports by default.
 *
 * @throws SidecarError `SIDECAR_SERVICE_INVALID` for a wrong option
 * @example
 * export default defineService({
 *   name: 'orders',
 *   backend: 'fastify',
 *   async setup(app, sidecar) {
 *     const users = sidecar.client(UserClient)
 *     app.get('/orders/:id', async ({ params }) => orderOf(params, users))
 *   },
 * })
 */
export function defineService<const B extends Backend = 'http'>(definition: ServiceDefinition<B>): Service<AppOf<B>> {
  const untyped = definition as unknown as ServiceDefinition<Backend>
  check(untyped)
  return createService(untyped) as Service<AppOf<B>>
}

function createService(definition: ServiceDefinition<Backend>): Service {
  const { backend: wanted = 'http', setup } = definition
  const setupMs = setupTimeoutOf(definition)
  const plugins = [...new Set(definition.plugins)] as readonly ServicePlugin[]
  let known: ReturnType<typeof readOwnPackage>
  const own = () => (known ??= readOwnPackage())
  let making: Promise<Made> | undefined
  let made: Made | undefined
  let running: Promise<RunningService> | undefined
  let stopping: Promise<void> | undefined
  /** An app that was given can be set up once. */
  let used = false

  const current = (): Made => {
    if (made) return made
    throw new SidecarError(
      'SIDECAR_SERVICE_NONE',
      `the service ${definition.name ?? ''} has no sidecar yet, or no more: call application() or run() first`,
    )
  }

  async function make(given: InternalRunOptions): Promise<Made> {
    await stopping
    if (used && isApp(wanted)) {
      throw new SidecarError(
        'SIDECAR_SERVICE_INVALID',
        'defineService: backend is an app, which has been set up already. A service that runs again makes a new one: give a function, as backend: () => express()',
      )
    }
    const backend = await openBackend(wanted, setupMs)
    const { app, framework } = backend
    const sidecar = open(
      app,
      optionsOf(definition, given, { version: service.version, description: service.description }),
    )
    used = true
    const forget = given.isolated ? () => {} : setCurrentService(service)
    sidecar.once('stopped', () => {
      forget()
      made = making = running = undefined
    })
    made = { backend, sidecar }
    // The first one that is added runs last: what the app closes may be used by the stop hooks of its parts.
    if (backend.close) sidecar.onStop(backend.close, { name: 'close the app' })
    if (framework === 'express' && backend.made && sidecar.production) forProduction(app as ExpressSettings)
    const hook = (name: string, work: () => unknown) => sidecar.onStart(work, { name, timeout: setupMs })
    for (const [at, plugin] of plugins.entries()) hook(pluginName(plugin, at), () => plugin(sidecar, app))
    if (setup) hook('setup', () => setup.call(definition, app as never, sidecar))
    try {
      await sidecar.ready
    } catch (error) {
      await sidecar.stop({ drain: false })
      throw error
    }
    return made
  }

  const makeOnce = (given: InternalRunOptions): Promise<Made> => {
    if (making) return making
    const begun = make(given)
    making = begun
    begun.catch(() => making === begun && (making = made = undefined))
    return begun
  }

  async function listen(wished: InternalRunOptions): Promise<RunningService> {
    if (making) checkLate(wished)
    const given = wished.anyPort && !namesPort(definition) ? { ...wished, port: 0 } : wished
    const { backend, sidecar } = await makeOnce(given)
    const { settings } = sidecar
    const host = given.host ?? settings.server.address
    const port = given.port ?? settings.server.port ?? DEFAULT_PORT
    const server = backend.server()
    sidecar.listening(server)
    const registered = untilRegistered(sidecar)
    try {
      await backend.listen(port, host)
      await registered()
    } catch (error) {
      await service.stop({ drain: false })
      throw listenError(error, port, host)
    }
    const stop: Service['stop'] = (options) => sidecar.stop(options)
    return {
      ...{ app: backend.app, sidecar, url: urlOf(server), port: (server.address() as AddressInfo).port },
      ...{ stop, [Symbol.asyncDispose]: () => stop() },
    }
  }

  const service: Service = {
    get name() {
      return made?.sidecar.settings.application.name ?? definition.name
    },
    get version() {
      return definition.version ?? own()?.version
    },
    get description() {
      return definition.description ?? own()?.description
    },
    get sidecar() {
      return current().sidecar
    },
    get parts() {
      return partsOf(current(), plugins)
    },
    async application(options = {}) {
      checkRun(options)
      return (await makeOnce(options)).backend.app
    },
    run(options = {}) {
      if (running) {
        const text = `the service ${service.name ?? ''} runs already: stop it first; runServices() runs several`
        return Promise.reject(new SidecarError('SIDECAR_ALREADY_STARTED', text))
      }
      const begun = (async () => {
        checkRun(options)
        return listen(options)
      })()
      running = begun
      begun.catch(() => running === begun && (running = undefined))
      return begun
    },
    async stop(options) {
      if (making && !made) await making.catch(() => {})
      if (!made) return
      stopping = made.sidecar.stop(options)
      await stopping
    },
    [Symbol.asyncDispose]: () => service.stop(),
  }
  return brand(service)

  function open(app: unknown, { isolated, ...options }: SidecarOptions & SidecarInternals & { isolated: boolean }) {
    // Else it would look for the server of another service, and guard every server of the process.
    return isolated ? new Sidecar(app, options) : startProcessSidecar(app, options)
  }
}

interface ExpressSettings {
  set(name: string, value: unknown): unknown
  enable(name: string): unknown
}

/** What Express itself does with `NODE_ENV=production`: no stack trace in an answer, and views are compiled once. */
function forProduction(app: ExpressSettings): void {
  app.set('env', 'production')
  app.enable('view cache')
}

const pluginName = ({ name }: ServicePlugin, at: number) => name || `plugin ${at + 1}`

function partsOf({ backend, sidecar }: Made, plugins: readonly ServicePlugin[]): ServiceParts {
  const { resources, timers, events, hooks } = sidecar.status()
  const named = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name)
  return {
    backend: backend.framework,
    plugins: plugins.map(pluginName),
    resources: named(resources),
    timers: named(timers),
    events: events.flatMap(({ handlers }) =>
      handlers.map(({ source, type, handler, mode }) => ({ event: `${source} ${type}`, handler, mode })),
    ),
    hooks: hooks.map(({ name, at }) => ({ name, at })),
  }
}
