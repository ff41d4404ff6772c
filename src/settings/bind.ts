import { SidecarError } from '../errors.js'
import type { PropertyView } from '../properties/view.js'
import { deepFreeze } from '../util/deep-freeze.js'
import { printable } from '../util/printable.js'
import { Binder } from './binder.js'
import { raisedInMetadata, SHORTEST_LEASE_MS } from './lease.js'
import { maskWhenPrinted } from './mask-when-printed.js'
import { PARSED_ONCE, settingsSchema, type Settings } from './schema.js'
import { kebab, shapeOf } from './shape.js'

const SETTINGS = shapeOf(settingsSchema)

export interface BoundSettings {
  readonly settings: Settings
  /** What is lost or misspelt. */
  readonly warnings: string[]
  /** What is worth a line of the log, once. */
  readonly notes: string[]
}

/** Merged properties → frozen settings; every wrong type in one error, every unknown key a warning. */
export function bindSettings(view: PropertyView): BoundSettings {
  const binder = new Binder(view)
  const result = settingsSchema.safeParse(binder.section(SETTINGS, view.tree, []), PARSED_ONCE)
  if (result.success) {
    const { warnings } = binder
    raiseLease(result.data.cloud.nacos.discovery, binder)
    return { settings: deepFreeze(result.data, maskWhenPrinted), warnings, notes: binder.notes() }
  }
  const problems = result.error.issues.flatMap((issue) => binder.describe(issue) ?? [])
  throw new SidecarError('SIDECAR_SETTINGS_INVALID', problems.map(printable).join('\n'), { lines: true })
}

/** Times below a second are seconds that were meant as such: a beat each few milliseconds is nothing anyone wants. */
function raiseLease(
  discovery: {
    -readonly [K in keyof Settings['cloud']['nacos']['discovery']]: Settings['cloud']['nacos']['discovery'][K]
  },
  binder: Binder,
): void {
  const raised = raisedInMetadata(discovery.metadata).map((time) => `metadata ${time}`)
  for (const name of ['heartBeatInterval', 'heartBeatTimeout', 'ipDeleteTimeout'] as const) {
    const written = binder.written(['cloud', 'nacos', 'discovery', name])
    // Code knows what it does.
    if (discovery[name] >= SHORTEST_LEASE_MS || written === 'code') continue
    if (written) raised.push(`${kebab(name)}: ${discovery[name]}`)
    discovery[name] = SHORTEST_LEASE_MS
  }
  if (raised.length === 0) return
  binder.warnings.push(
    `cloud.nacos.discovery: ${raised.join(', ')} is raised to ${SHORTEST_LEASE_MS} ms, the minimum: these times are in milliseconds, 5 seconds are 5000`,
  )
}
