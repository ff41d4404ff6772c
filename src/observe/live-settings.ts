import { ConfigBindings } from '../config/bind.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { PropertyStore } from '../properties/store.js'
import type { ObserveSettings } from '../settings/schema.js'
import { observe } from '../settings/schema/observe.js'

/**
 * Calls back with `sidecar.observe` of all properties when it has changed: Nacos decides on the sampling of a mesh. A value that is
 * refused is reported (`configRejected`), and the one before stays.
 */
export function followObserveSettings(
  { store, logger, emit }: { readonly store: PropertyStore; readonly logger: Logger; readonly emit: Emit },
  changed: (settings: ObserveSettings) => void,
): void {
  const bindings = new ConfigBindings(store, logger, emit)
  bindings.add(observe, { prefix: 'sidecar.observe' }).on('change', ({ value }) => changed(value))
  store.watch(() => {
    for (const announce of bindings.update()) announce()
  })
}
