import { ConfigBindings } from '../config/bind.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { PropertyStore } from '../properties/store.js'
import type { ObserveSettings } from '../settings/schema.js'
import { observe } from '../settings/schema/observe.js'
import { kebab } from '../settings/shape.js'
import type { StandardIssue, StandardResult, StandardSchema } from '../util/standard-schema.js'

/**
 * Calls back with `sidecar.observe` of all properties when it has changed: Nacos decides on the sampling of a mesh. A value that is
 * refused is reported (`configRejected`), and the one before stays.
 */
export function followObserveSettings(
  { store, logger, emit }: { readonly store: PropertyStore; readonly logger: Logger; readonly emit: Emit },
  changed: (settings: ObserveSettings) => void,
): void {
  const bindings = new ConfigBindings(store, logger, emit)
  bindings.add(withWrittenNames(observe), { prefix: 'sidecar.observe' }).on('change', ({ value }) => changed(value))
  store.watch(() => {
    for (const announce of bindings.update()) announce()
  })
}

/** The schema has names as code has them; a person looks for the name that is written in the document. */
function withWrittenNames<T>(schema: StandardSchema<T>): StandardSchema<T> {
  const { validate, ...rest } = schema['~standard']
  const written = (issue: StandardIssue): StandardIssue => ({
    ...issue,
    path: issue.path?.map((part) => (typeof part === 'string' ? kebab(part) : part)),
  })
  const renamed = (result: StandardResult<T>): StandardResult<T> =>
    result.issues ? { issues: result.issues.map(written) } : result
  return {
    '~standard': {
      ...rest,
      validate: (value) => {
        const result = validate(value)
        return result instanceof Promise ? result.then(renamed) : renamed(result)
      },
    },
  }
}
