import cluster from 'node:cluster'
import type { ServiceDirectory } from './discovery/directory.js'
import type { Emit } from './events.js'
import { isHttp2Only } from './lifecycle/http2-only.js'
import type { ListeningServer } from './lifecycle/listening.js'
import { requestSync } from './lifecycle/request-sync.js'
import type { Logger } from './logger.js'
import { chooseAddress } from './registration/address.js'
import { checkInstance, createInstance } from './registration/instance.js'
import { isSameInstance } from './registration/find-in-registry.js'
import { createWorkerRegistry } from './registration/worker-registry.js'
import { createRegistrar, type RegistrationState, type Registrar } from './registration/registrar.js'
import type { RegistryClient } from './registry-clients.js'
import type { Settings } from './settings/schema.js'
import type { ServiceInstance } from './types.js'

/** This process as one of the instances in the registry; none of them before its server is known. */
export interface Registration {
  /** False where the settings want no instance registered. */
  readonly registers: boolean
  /** As it is registered, or will be. */
  readonly instance: ServiceInstance | undefined
  readonly state: RegistrationState | undefined
  /**
   * The server is known, and so is the instance. Where another was known before, that one is deregistered.
   *
   * @returns false where the settings want none registered
   */
  attach(server: ListeningServer): boolean
  /** Settles when the instance of before is deregistered. */
  readonly previousDeregistered: Promise<void>
  /** The host by which callers reach this process; `undefined` if unknown. */
  host(): string | undefined
  /** Registers; rejects with `fail-fast` only. */
  register(): Promise<void>
  /** The registry may have forgotten this instance. */
  beatNow(): void
  /** Deregisters; never rejects. */
  deregister(): Promise<void>
  /** The same, blocking: the process exits without a further turn of its event loop. */
  deregisterSync(timeoutMs: number): void
}

export interface RegistrationOptions extends Pick<RegistryClient, 'transport' | 'namespace'> {
  readonly settings: Settings
  readonly directory: Pick<ServiceDirectory, 'peek'>
  readonly logger: Logger
  readonly emit: Emit
}

/**
 * @throws SidecarError `SIDECAR_SETTINGS_INVALID` where nothing could be registered by these settings, whatever the
 * server.
 */
export function createRegistration(options: RegistrationOptions): Registration {
  const { transport, namespace, settings, directory, logger, emit } = options
  const { discovery } = settings.cloud.nacos
  const { discovery: springDiscovery, serviceRegistry } = settings.cloud
  const registers =
    discovery.enabled &&
    discovery.registerEnabled &&
    springDiscovery.enabled &&
    serviceRegistry.autoRegistration.enabled
  if (registers) checkInstance(settings)
  let registrar: Registrar | undefined
  let moved: Promise<void> = Promise.resolve()

  function createInstanceAt({ server, port, host, secure }: ListeningServer): ServiceInstance {
    if (isHttp2Only(server)) {
      logger.warn(
        `The server at port ${port} speaks HTTP/2 only: callers use HTTP/1.1 and will fail. Create it by http2.createSecureServer({ allowHTTP1: true }), or by node:http`,
      )
    }
    const { ip, reason, warnings } = chooseAddress(discovery, undefined, host, settings.cloud.inetutils)
    logger.info(`registering ${ip}: ${reason}`)
    for (const warning of warnings) logger.warn(warning)
    return createInstance({ settings, namespace, ip, port, secure })
  }

  return {
    registers,
    get instance() {
      return registrar?.instance
    },
    get state() {
      return registrar?.state
    },
    get previousDeregistered() {
      return moved
    },
    host() {
      try {
        return registers ? chooseAddress(discovery).ip : undefined
      } catch {
        // The registration will report it.
        return undefined
      }
    },
    attach(server) {
      if (!registers) return false
      const instance = createInstanceAt(server)
      const self = `${instance.group}@@${instance.service}`
      const { servers } = transport.describe()
      const before = registrar
      if (before) moved = before.stop()
      registrar = createRegistrar({
        transport,
        instance,
        lastKnown: () => directory.peek(self)?.all.find((one) => isSameInstance(one, instance)),
        ...(cluster.isWorker && { workers: createWorkerRegistry({ instance, servers, logger }) }),
        settings: discovery,
        sidecar: settings.sidecar,
        logger,
        emit,
      })
      return true
    },
    async register() {
      await moved
      return registrar?.start()
    },
    beatNow: () => registrar?.beatNow(),
    async deregister() {
      await Promise.all([moved, registrar?.stop()])
    },
    deregisterSync(timeoutMs) {
      const request = registrar?.takeDeregisterRequest()
      if (!request) return
      const status = requestSync(request, timeoutMs)
      const { server } = transport.describe()
      if (status === 200) return logger.info(`deregistered at ${server} at the last moment`)
      const why = status ?? `no answer in ${timeoutMs} ms`
      logger.warn(`cannot deregister at ${server} at the last moment: ${why}`)
    },
  }
}
