import { SidecarError } from '../errors.js'
import { isServiceName } from '../instance.js'
import type { ServiceKey } from '../types.js'

/** What Nacos itself allows in the name of a group. */
const GROUP = /^[A-Za-z0-9_.:-]{1,255}$/

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
  if (!isServiceName(service) || !GROUP.test(group)) {
    throw new SidecarError(
      'SIDECAR_CALL_INVALID',
      `${JSON.stringify(name.slice(0, 80))} is not a service name: write "name" or "group@@name", up to 512 characters without blanks, Chinese characters, /, \\, ?, #, @ and %`,
    )
  }
  return { namespace, group, service }
}

/** One name for a service, however it is written: without the group where that is the default one. */
export function canonicalName(name: string, defaultGroup: string): string {
  return name.startsWith(`${defaultGroup}@@`) ? name.slice(defaultGroup.length + 2) : name
}
