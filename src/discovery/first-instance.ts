import { isSameInstance, serviceKeyText } from '../instance.js'
import type { ServiceInstance } from '../types.js'
import type { ServiceDirectory } from './directory.js'

/**
 * Whether this instance is the first in the list of its service: work that one instance does for all is done there.
 *
 * @param own `undefined` if the registry does not list this process
 */
export async function isFirstInstance(
  own: ServiceInstance | undefined,
  directory: Pick<ServiceDirectory, 'get'>,
): Promise<boolean | undefined> {
  if (!own) return undefined
  const { instances } = await directory.get(serviceKeyText(own))
  const first = instances[0]
  return first && isSameInstance(first, own)
}
