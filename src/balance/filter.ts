import { messageOf, SidecarError } from '../errors.js'
import type { ServiceInstance } from '../types.js'

/** Which instances of a service may be called: metadata that must be equal, or a function that decides. */
export type InstanceFilter = Readonly<Record<string, string>> | ((instance: ServiceInstance) => boolean)

/** The metadata key of the version, as in Spring Cloud. */
const VERSION = 'version'

export function versionOf(instance: ServiceInstance): string | undefined {
  return Object.hasOwn(instance.metadata, VERSION) ? instance.metadata[VERSION] : undefined
}

/** @throws SidecarError `SIDECAR_CLIENT_INVALID` from the function it returns, where the user's own throws. */
export function matcherOf(filter: InstanceFilter | undefined): (instance: ServiceInstance) => boolean {
  if (filter === undefined) return () => true
  if (typeof filter !== 'function') {
    const wanted = Object.entries(filter)
    return ({ metadata }) => wanted.every(([key, value]) => Object.hasOwn(metadata, key) && metadata[key] === value)
  }
  return (instance) => {
    try {
      return Boolean(filter(instance))
    } catch (error) {
      throw new SidecarError('SIDECAR_CLIENT_INVALID', `The \`filter\` of a client threw: ${messageOf(error)}`, {
        cause: error,
      })
    }
  }
}

/** For an error's text. */
export function describeFilter(filter: InstanceFilter | undefined, version: string | undefined): string {
  const wanted = typeof filter === 'object' ? Object.entries(filter).map(([key, value]) => `${key}=${value}`) : []
  if (typeof filter === 'function') wanted.push('the filter function')
  if (version !== undefined) wanted.push(`${VERSION}=${version}`)
  return wanted.join(', ')
}
