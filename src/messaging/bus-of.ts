import { SidecarBus, type EventBus, type EventsOptions } from './event-bus.js'
import type { SidecarHost } from './host.js'

/** The bus of a sidecar at this URL, made at its first use. */
export function busOf(host: SidecarHost, options: EventsOptions): EventBus {
  const key = options.url ?? ''
  const known = host.buses.get(key)
  if (known !== undefined) return known
  const bus = new SidecarBus(host, options)
  host.buses.set(key, bus)
  return bus
}
