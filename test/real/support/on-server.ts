import { describe, inject, it } from 'vitest'
import type { Capabilities, ContractTarget } from '../../contract/support/target.js'
import type { Missing, ServerId } from './setup.js'

/** What a suite cannot do without: it is left out, in so many words, where a target has none. */
export interface SuiteNeeds {
  readonly has?: keyof Capabilities
  /** Continues `<server> `: `has no gRPC port`. */
  readonly lack?: string
  /** Once for each server, whatever it speaks: the suite has a client of its own. */
  readonly once?: boolean
}

/** Runs `body` once for each dialect of the server; where it cannot be had, says why in the report. */
export function onServer(id: ServerId, body: (target: ContractTarget) => void, needs?: SuiteNeeds): void {
  const entry = inject('servers').find((one) => one.id === id)
  if (!entry) return
  if (entry.missing) describe(entry.name, () => cannotBeHad(entry.missing!))
  const targets = needs?.once ? entry.targets.slice(0, 1) : entry.targets
  for (const target of targets) {
    const lacks = needs?.has && !target.capabilities[needs.has]
    describe(target.name, () => (lacks ? leftOut(`${target.name} ${needs.lack}`) : body(target)))
  }
}

/** A suite without a test is a failure to vitest. */
function leftOut(reason: string): void {
  it('K7: a suite that the server lacks something for is left out, and says so', ({ skip }) => skip(reason))
}

/**
 * A missing tool is a skip that names it; anything else is a failure where the result is relied on: in CI, and
 * where the server was asked for by name.
 */
export function cannotBeHad(missing: Missing): void {
  it('can be had', ({ skip }) => {
    const relied = process.env['CI'] || process.env['NACOS_SERVER']
    if (!missing.toolAbsent && relied) throw new Error(missing.reason)
    skip(missing.reason)
  })
}

/** Every server there may be; those that are not part of this run are passed over. */
export const SERVER_IDS: readonly ServerId[] = ['given', 'rnacos', 'rnacos-auth', 'nacos', 'nacos-auth']
