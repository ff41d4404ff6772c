import type { NacosTransport } from '../nacos/transport.js'
import type { ServiceInstance } from '../types.js'
import { cutOff } from '../util/deadline.js'

/** The lookup is optional: a re-registration must not wait long for it. */
const LOOKUP_MS = 1_000

/** The list entry of this instance, if the registry answers quickly. Never rejects. */
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
