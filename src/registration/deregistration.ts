import { messageOf } from '../errors.js'
import { hostPort } from '../instance.js'
import type { Logger } from '../logger.js'
import type { NacosTransport, PlainRequest } from '../nacos/transport.js'
import type { ServiceInstance } from '../types.js'
import { cutOff } from '../util/deadline.js'
import type { WorkerRegistry } from './worker-registry.js'

export interface DeregistrationOptions {
  readonly transport: NacosTransport
  /** The other workers of the instance: the last one to stop deregisters. */
  readonly workers: WorkerRegistry | undefined
  /** Of the instance, for the log. */
  readonly name: string
  /** After its last heartbeat the registry removes the instance by itself. */
  readonly deleteAfterMs: number
  readonly logger: Logger
  /** Whether callers may have the instance. */
  listed(): boolean
  /** It was listed, and is no more. */
  onDeregistered(): void
}

/** Deregisters the instance, or leaves it to the other workers that serve it. */
export interface Deregistration {
  /** A registration that lands from here on may have been overtaken. */
  readonly started: boolean
  /** This process is no longer responsible: it has deregistered, or another worker goes on. */
  readonly done: boolean
  /** Others go on serving it. */
  readonly shared: boolean
  /** Why the deregistration failed. */
  readonly error: string | undefined
  /** Never rejects. @param restMs how much time is left */
  run(instance: ServiceInstance, restMs: () => number): Promise<void>
  /** What is left to send; `undefined` where there is nothing, or no such request. */
  takeRequest(instance: ServiceInstance): PlainRequest | undefined
}

export function createDeregistration(options: DeregistrationOptions): Deregistration {
  const { transport, workers, name, deleteAfterMs, logger, listed, onDeregistered } = options
  const server = () => transport.describe().server
  let started = false
  let done = false
  let shared = false
  let failure: string | undefined

  async function deregister(instance: ServiceInstance, timeoutMs: number): Promise<void> {
    started = true
    try {
      await cutOff(timeoutMs, [], (signal) => transport.deregister(instance, signal))
      const was = listed()
      done = true
      if (!was) return
      logger.info(`deregistered ${name} at ${server()}`, {
        ...{ service: instance.service, instance: hostPort(instance), server: server() },
      })
      onDeregistered()
    } catch (error) {
      failure = messageOf(error)
      const message = `cannot deregister ${name} at ${server()}: ${failure}; the registry removes it ${deleteAfterMs} ms after its last heartbeat`
      if (listed()) logger.warn(message)
      else logger.debug(message)
    }
  }

  return {
    get started() {
      return started
    },
    get done() {
      return done
    },
    get shared() {
      return shared
    },
    get error() {
      return failure
    },
    async run(instance, restMs) {
      if (workers?.remove() === false) {
        shared = done = true
        return logger.info(`${name} stays registered: other workers serve it`)
      }
      await deregister(instance, restMs())
      // A worker started meanwhile, and this deregistration may have overtaken its registration.
      if (workers?.isLast() === false)
        await cutOff(restMs(), [], (signal) => transport.register(instance, signal)).catch(() => {})
    },
    takeRequest(instance) {
      const tried = done || failure !== undefined
      return tried || workers?.remove() === false ? undefined : transport.deregisterRequest?.(instance)
    },
  }
}
