import { SidecarError } from '../errors.js'
import type { ServiceKey } from '../types.js'

/** What Nacos itself allows in names, and nothing that could end a host, a path or a query. */
const NAME = /^[A-Za-z0-9_.:-]{1,255}$/

/**
 * Reads `name` or `group@@name`.
 *
 * @throws SidecarError `SIDECAR_CALL_INVALID` for anything else: a service name often comes from outside, and must
 * never become a part of a URL.
 */
export function parseServiceName(name: string, namespace: string, defaultGroup: string): ServiceKey {
  const at = name.indexOf('@@')
  const group = at < 0 ? defaultGroup : name.slice(0, at)
  const service = at < 0 ? name : name.slice(at + 2)
  if (!NAME.test(service) || !NAME.test(group)) {
    throw new SidecarError(
      'SIDECAR_CALL_INVALID',
      `${JSON.stringify(name.slice(0, 80))} is not a service name: write "name" or "group@@name" with letters, digits and _ . : - only`,
    )
  }
  return { namespace, group, service }
}
