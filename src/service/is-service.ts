import type { Service } from './definition.js'

/** The same for every copy of the package: `nacos-sidecar run` may be another one than the app's. */
const BRAND = Symbol.for('nacos-sidecar.service')

export function brand(service: Service): Service {
  return Object.defineProperty(service, BRAND, { value: true })
}

/** True for what `defineService` has returned, also for that of another copy of the package. */
export function isService(value: unknown): value is Service {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true
}
