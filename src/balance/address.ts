import type { ServiceInstance } from '../types.js'

/** What stays the same while the weight and metadata of an instance change. */
export function addressOf({ ip, port }: ServiceInstance): string {
  return `${ip} ${port}`
}
