import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import type { PropertyStore } from '../properties/store.js'
import { kebab } from '../settings/shape.js'
import type { StandardIssue, StandardResult, StandardSchema } from '../util/standard-schema.js'
import { ConfigBindings } from './bind.js'
import type { Frozen } from './relaxed-input.js'

/**
 * Calls back with a section of the settings, of all properties, when it has changed: Nacos decides for a mesh. A value that is refused is
 * reported (`configRejected`), and the one before stays.
 *
 * @param prefix `sidecar.observe`
 * @param before in use until a value is accepted: the settings of this machine, which were checked when they were loaded
 * @returns the section as it is now: what Nacos says may be loaded already
 */
export function followSettings<T>(
  schema: StandardSchema<T>,
  prefix: string,
  { store, logger, emit }: { readonly store: PropertyStore; readonly logger: Logger; readonly emit: Emit },
  changed: (settings: Frozen<T>) => void,
  before: Frozen<T>,
): Frozen<T> {
  const bindings = new ConfigBindings(store, logger, emit)
  const view = bindings.add(withWrittenNames(schema), { prefix }, before)
  view.on('change', ({ value }) => changed(value))
  store.watch(() => {
    for (const announce of bindings.update()) announce()
  })
  return view.current
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
