import { SidecarError } from '../errors.js'
import type { ServiceInstance } from '../types.js'

/** What of the own instance can change while it is registered. */
export interface InstanceChange {
  /** Share of the traffic relative to the other instances, 0 to 10,000; 0 takes it out. */
  readonly weight?: number
  /** Names that are set; `null` takes one away. Other names stay as they are. */
  readonly metadata?: Readonly<Record<string, string | null>>
  /** `false`: callers get other instances. `true` also where an operator has switched the instance off. */
  readonly enabled?: boolean
}

/**
 * The instance after a change.
 *
 * @throws SidecarError `SIDECAR_SETTINGS_INVALID`
 */
export function changedInstance(instance: ServiceInstance, change: InstanceChange): ServiceInstance {
  const { weight = instance.weight, enabled = instance.enabled } = change
  const metadata = Object.entries({ ...instance.metadata, ...change.metadata }).filter(
    (entry): entry is [string, string] => entry[1] !== null,
  )
  return Object.freeze({ ...instance, weight, enabled, metadata: Object.freeze(Object.fromEntries(metadata)) })
}

/** @throws SidecarError `SIDECAR_SETTINGS_INVALID` */
export function checkChange(change: InstanceChange): void {
  const { weight, enabled, metadata } = change
  if (weight !== undefined && !(typeof weight === 'number' && weight >= 0 && weight <= 10_000)) {
    throw invalid(`weight: expected a number from 0 to 10000, got ${String(weight)}`)
  }
  if (enabled !== undefined && typeof enabled !== 'boolean') throw invalid('enabled: expected true or false')
  if (metadata === undefined) return
  if (typeof metadata !== 'object' || metadata === null) throw invalid('metadata: expected a map of texts')
  for (const [name, value] of Object.entries(metadata)) {
    if (typeof value !== 'string' && value !== null) throw invalid(`metadata.${name}: expected text, or null`)
    // The heartbeat goes by these, and the registry too.
    if (name.startsWith('preserved.'))
      throw invalid(`metadata.${name}: names that begin with "preserved." are set at the start`)
  }
}

const invalid = (why: string) => new SidecarError('SIDECAR_SETTINGS_INVALID', `sidecar.update(): ${why}`)
