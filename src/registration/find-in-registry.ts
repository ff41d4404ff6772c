import type { NacosTransport } from '../nacos/transport.js'
import type { ServiceInstance } from '../types.js'
import { cutOff } from '../util/deadline.js'

/** A re-registration must not wait long for a nicety. */
const LOOKUP_MS = 1_000

/** What the registry's list says of this instance, if it can be had quickly. Never rejects. */
export async function findInRegistry(
  transport: NacosTransport,
  own: ServiceInstance,
  signal: AbortSignal,
): Promise<ServiceInstance | undefined> {
  const { namespace, group, service } = own
  try {
    const all = await cutOff(LOOKUP_MS, [signal], (inner) => transport.list({ namespace, group, service }, inner))
    return all.find((one) => isSameInstance(one, own))
  } catch {
    return undefined
  }
}

/** Two views of one instance. */
export function isSameInstance(one: ServiceInstance, other: ServiceInstance): boolean {
  return one.ip === other.ip && one.port === other.port && one.cluster === other.cluster
}
