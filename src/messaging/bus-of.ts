import { SidecarBus, type EventBus, type EventsOptions } from './event-bus.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import type { SidecarHost } from './host.js'
import { invalid } from './names.js'

const OPTIONS: OptionNames<EventsOptions> = { url: true, codec: true, maxBytes: true }

/**
 * The bus of a sidecar at this URL, made at its first use.
 *
 * @throws SidecarError `SIDECAR_EVENT_INVALID`
 */
export function busOf(host: SidecarHost, options: EventsOptions): EventBus {
  refuseUnknown(options, OPTIONS, (why) => invalid('events(sidecar)', why))
  const key = options.url ?? ''
  const known = host.buses.get(key)
  if (known !== undefined) return known
  const bus = new SidecarBus(host, options)
  host.buses.set(key, bus)
  return bus
}
