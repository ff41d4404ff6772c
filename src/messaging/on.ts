import { markMethod } from '../work/handlers.js'
import type { HandlerDecorator } from '../work/every.js'
import { busOf } from './bus-of.js'
import type { EventHandler, OnOptions } from './event.js'

/**
 * Handles the events of a service by a method, once its object is mounted (`sidecar.mount`): `bus.on` as a decorator. The name of the
 * method is the name of the handler, and part of the name of its queue, as in Nameko.
 *
 * @param source the service that emits them
 * @throws SidecarError `SIDECAR_MOUNT_INVALID` for what is no public method of an instance; `sidecar.mount` with `SIDECAR_EVENT_INVALID`
 * for a wrong name or option
 * @example
 * class Mails { @on('order-service', 'created', { schema: Order }) async confirm(order: Order, work: EventWork) { … } }
 * sidecar.mount(new Mails())
 */
export function on<T = never>(
  source: string,
  type: string,
  options: OnOptions<T> = {},
): HandlerDecorator<EventHandler<T>> {
  return markMethod('@on', {
    mount({ host, bus = busOf(host, {}) }, name, handle) {
      return bus.on(source, type, handle as unknown as EventHandler<T>, { name, ...options })
    },
  })
}
