import { SidecarError } from '../errors.js'
import { processSlot } from '../process-state.js'
import type { BalancerFactory } from './balancer.js'
import { createConsistentHash } from './consistent-hash.js'
import { createLeastPending } from './least-pending.js'
import { createRandom } from './random.js'
import { createRoundRobin } from './round-robin.js'
import { createSameClusterFirst } from './same-cluster-first.js'

const BUILT_IN: ReadonlyMap<string, BalancerFactory> = new Map([
  ['round-robin', createRoundRobin],
  ['random', createRandom],
  ['least-pending', createLeastPending],
  ['consistent-hash', createConsistentHash],
  ['same-cluster-first', createSameClusterFirst],
])

/** One per process: a balancer registered through the ESM copy of the package is there for the CJS copy too. */
const registered = processSlot('balancers', () => new Map())

const builtIn: ReadonlySet<BalancerFactory> = new Set(BUILT_IN.values())

/** Whether the factory is one of this package's: what its balancers pick needs no check. */
export function isBuiltIn(factory: BalancerFactory): boolean {
  return builtIn.has(factory)
}

/**
 * The balancer called `name`: `round-robin`, `random`, `least-pending`, `consistent-hash`, `same-cluster-first`, or
 * one's own.
 *
 * @throws SidecarError `SIDECAR_SETTINGS_INVALID` where there is none of that name.
 */
export function balancerFor(name: string): BalancerFactory {
  const factory = registered.get(name) ?? BUILT_IN.get(name)
  if (factory) return factory
  const known = [...new Set([...BUILT_IN.keys(), ...registered.keys()])].join(', ')
  throw new SidecarError(
    'SIDECAR_SETTINGS_INVALID',
    `There is no balancer "${name}"; known are ${known}. Add your own with registerBalancer("${name}", factory) before the first call.`,
  )
}

/**
 * Makes a balancer usable by name in bootstrap.yml (`sidecar.balancer`, `feign.client.<name>.balancer`) and in code.
 *
 * @example
 * registerBalancer('first', (instances) => {
 *   const endpoints = instances.map((instance) => ({ instance, done() {} }))
 *   return { pick: (hint) => endpoints.find((e) => !hint?.exclude?.has(e.instance)) }
 * })
 */
export function registerBalancer(name: string, factory: BalancerFactory): void {
  registered.set(name, factory)
}
