import { describe, inject, it } from 'vitest'
import type { ContractTarget } from '../../contract/support/target.js'
import type { Missing, ServerId } from './setup.js'

/** Runs `body` once for each dialect of the server; where it cannot be had, says why in the report. */
export function onServer(id: ServerId, body: (target: ContractTarget) => void): void {
  const entry = inject('servers').find((one) => one.id === id)
  if (!entry) return
  if (entry.missing) describe(entry.name, () => cannotBeHad(entry.missing!))
  for (const target of entry.targets) describe(target.name, () => body(target))
}

/**
 * A missing tool is a skip that names it; anything else is a failure wherever somebody relies on the result: in CI, and
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
