import type { ServiceInstance } from '../types.js'

/** What stays the same while the registry's word on an instance (weight, metadata) changes. */
export function addressOf({ ip, port }: ServiceInstance): string {
  return `${ip} ${port}`
}
