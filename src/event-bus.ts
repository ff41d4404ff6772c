/** `nacos-sidecar/events`: events between services, over RabbitMQ or in memory. */
import { SidecarError } from './errors.js'
import { busOf } from './messaging/bus-of.js'
import type { EventBus, EventsOptions } from './messaging/event-bus.js'
import type { Sidecar } from './sidecar.js'

export { SidecarError, type SidecarErrorCode } from './errors.js'
export type { BrokerStatus, EventMode } from './messaging/broker.js'
export type { EventCodec } from './messaging/codec.js'
export {
  UnrecoverableError,
  type EmitOptions,
  type EventBusStatus,
  type EventHandler,
  type EventHandlerStatus,
  type EventRetry,
  type EventSubscription,
  type EventWork,
  type OnOptions,
} from './messaging/event.js'
export type { EventBus, EventsOptions } from './messaging/event-bus.js'
export { on } from './messaging/on.js'
export type { HandlerDecorator } from './work/every.js'

/**
 * The event bus of a sidecar. A second call with the same URL gives the same bus; its other options are those of the first call.
 *
 * @param sidecar what `initSidecar` or `createSidecar` gave
 * @throws SidecarError `SIDECAR_EVENT_INVALID` for a wrong option, `SIDECAR_STOPPED` once it is leaving
 * @example
 * const bus = events(sidecar)
 * bus.on('order-service', 'created', (order) => index.add(order))
 * await bus.emit('indexed', { id: 7 })
 */
export function events(sidecar: Sidecar, options: EventsOptions = {}): EventBus {
  const host = (sidecar as Partial<Sidecar> | undefined)?.host
  if (host === undefined)
    throw new SidecarError('SIDECAR_EVENT_INVALID', 'events(sidecar): expected what initSidecar or createSidecar gave')
  if (typeof options !== 'object' || options === null)
    throw new SidecarError('SIDECAR_EVENT_INVALID', 'events(sidecar, options): options are an object, such as { url }')
  return busOf(host, options)
}
