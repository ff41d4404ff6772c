import cluster from 'node:cluster'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { NacosTransport } from '../nacos/transport.js'
import { isTestRegistry } from '../process-state.js'
import type { Settings } from '../settings/schema.js'
import type { ServiceInstance } from '../types.js'
import { chooseAddress } from './address.js'
import { checkInstance, createInstance } from './instance.js'
import { changedInstance, checkChange, type InstanceChange } from './instance-change.js'
import { createRegistrar, type RegistrationState, type Registrar, type RegistrarOptions } from './registrar.js'
import { createWorkerRegistry } from './worker-registry.js'

export type { RegistrationState }

/** Where the app listens. */
export interface ListeningAddress {
  readonly port: number
  /** What it is bound to: `::`, `0.0.0.0`, or one address. */
  readonly host: string
  /** It uses TLS itself. */
  readonly secure: boolean
  readonly http2Only: boolean
}

/** This process as one instance in the registry; it is none until the app's server is known. */
export interface Member {
  /** False where the settings want no instance registered: then nothing below does anything. */
  readonly registers: boolean
  /** As it is registered, or will be. */
  readonly instance: ServiceInstance | undefined
  readonly state: RegistrationState | undefined
  /** Why it is registered under this address; `undefined` before the app listens. */
  readonly addressReason: string | undefined
  /** The host by which callers reach this process; `undefined` if unknown. */
  readonly host: string | undefined
  /**
   * The app listens here, which makes the instance. Where another was known before, that one is deregistered.
   *
   * @returns settles when the instance of before is deregistered; never rejects
   */
  attach(address: ListeningAddress): Promise<void>
  /** Registers, then sends heartbeats; rejects with `fail-fast` only. */
  register(): Promise<void>
  /** Changes the instance; see `Sidecar.update`. */
  update(change: InstanceChange): Promise<void>
  /** Sends a heartbeat now: the registry may have forgotten the instance. */
  beatNow(): void
  /** Deregisters; never rejects. */
  deregister(): Promise<void>
  /** The same, blocking: the process exits without a further turn of its event loop. */
  deregisterSync(timeoutMs: number): void
}

export interface MemberOptions extends Pick<RegistrarOptions, 'lastKnown'> {
  readonly transport: NacosTransport
  /** `''` is the public namespace. */
  readonly namespace: string
  readonly settings: Settings
  /** Further metadata, once the app listens; what the settings say is stronger. @default none */
  readonly metadata?: () => Readonly<Record<string, string>>
  readonly logger: Logger
  readonly emit: Emit
}

/** False where one of the settings switches the registration off. */
export function isRegistering({ cloud: { nacos, discovery, serviceRegistry } }: Settings): boolean {
  return (
    nacos.discovery.enabled &&
    nacos.discovery.registerEnabled &&
    discovery.enabled &&
    serviceRegistry.autoRegistration.enabled
  )
}

/**
 * @throws SidecarError `SIDECAR_SETTINGS_INVALID` where nothing could be registered by these settings, whatever the
 * server.
 */
export function createMember(options: MemberOptions): Member {
  const { transport, namespace, settings, lastKnown, logger, emit } = options
  const { discovery } = settings.cloud.nacos
  const { inetutils } = settings.cloud
  const registers = isRegistering(settings)
  if (registers) checkInstance(settings)
  let registrar: Registrar | undefined
  let previousDeregistered: Promise<void> = Promise.resolve()
  let addressReason: string | undefined
  /** Of the instance as the settings have it: they hold for one at another address, too. */
  let changes: InstanceChange = {}

  function createInstanceAt({ port, host, secure, http2Only }: ListeningAddress): ServiceInstance {
    if (http2Only) {
      logger.warn(
        `The server at port ${port} speaks HTTP/2 only: callers use HTTP/1.1 and will fail. Create it by http2.createSecureServer({ allowHTTP1: true }), or by node:http`,
      )
    }
    const { ip, reason, warnings } = chooseAddress(discovery, undefined, host, inetutils)
    addressReason = reason
    logger.info(`registering ${ip}: ${reason}`)
    // A test chooses 127.0.0.1 itself.
    if (!isTestRegistry(discovery.serverAddr ?? settings.cloud.nacos.serverAddr))
      for (const warning of warnings) logger.warn(warning)
    return changedInstance(
      createInstance({ settings, namespace, ip, port, secure, metadata: options.metadata?.() }),
      changes,
    )
  }

  return {
    registers,
    get instance() {
      return registrar?.instance
    },
    get state() {
      return registrar?.state
    },
    get addressReason() {
      return addressReason
    },
    get host() {
      try {
        return registers ? chooseAddress(discovery).ip : undefined
      } catch {
        // The registration will report it.
        return undefined
      }
    },
    attach(address) {
      if (!registers) return previousDeregistered
      const instance = createInstanceAt(address)
      const { servers } = transport.describe()
      if (registrar) previousDeregistered = registrar.deregister(true)
      registrar = createRegistrar({
        ...{ transport, instance, settings: discovery, sidecar: settings.sidecar, lastKnown, logger, emit },
        workers: cluster.isWorker ? createWorkerRegistry({ instance, servers, logger }) : undefined,
      })
      return previousDeregistered
    },
    async register() {
      await previousDeregistered
      return registrar?.register()
    },
    async update(change) {
      checkChange(change)
      changes = { ...changes, ...change, metadata: { ...changes.metadata, ...change.metadata } }
      await registrar?.update(change)
    },
    beatNow: () => registrar?.beatNow(),
    async deregister() {
      await Promise.all([previousDeregistered, registrar?.deregister()])
    },
    deregisterSync: (timeoutMs) => registrar?.deregisterSync(timeoutMs),
  }
}
