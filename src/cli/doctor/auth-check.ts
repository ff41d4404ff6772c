import { messageOf, reasonOf } from '../../errors.js'
import { originOf, parseServiceName } from '../../instance.js'
import { RegistryError } from '../../nacos/http/failure.js'
import type { Settings } from '../../settings/schema.js'
import { withDeadline } from '../../util/deadline.js'
import { CHECK_MS, failed, ok, skipped, type Finding } from './finding.js'
import type { ReachableRegistry } from './registry-checks.js'

/** Whether the service answers that the guard asks about tokens. */
export async function checkAuth({ auth, cloud }: Settings, registry: ReachableRegistry | undefined): Promise<Finding> {
  if (!auth.enabled) return skipped('auth', 'auth.enabled is false: there is no guard')
  const { service, path } = auth
  if (service === undefined) {
    return failed('auth', 'no service', 'auth.enabled is true, and auth.service is not set', 'set auth.service')
  }
  const start = 'start the auth service, or correct auth.service'
  if (/^https?:\/\//i.test(service)) return ask(service, `${service.replace(/\/+$/, '')}${path}`, start)
  if (!registry) return skipped('auth', `${service}: the registry does not answer`)
  try {
    const key = parseServiceName(service, registry.connection.namespace, cloud.nacos.discovery.group)
    const instances = await registry.transport.list(key)
    const usable = instances.find(({ healthy, enabled, weight }) => healthy && enabled && weight > 0)
    if (!usable) {
      const cause = `the registry has ${instances.length === 0 ? 'no instance' : 'no healthy instance'} of ${service} in the group ${key.group}`
      return failed('auth', service, cause, start)
    }
    return await ask(service, `${originOf(usable)}${path}`, start)
  } catch (error) {
    return failed('auth', service, error instanceof RegistryError ? error.told.why : messageOf(error), start)
  }
}

async function ask(service: string, url: string, fix: string): Promise<Finding> {
  try {
    const { status } = await withDeadline(CHECK_MS, [], async (signal) => {
      const response = await fetch(url, { signal, redirect: 'manual' })
      await response.body?.cancel()
      return response
    })
    if (status === 404) {
      return failed('auth', service, `${url} answers HTTP 404`, 'correct auth.path')
    }
    if (status >= 500)
      return failed('auth', service, `${url} answers HTTP ${status}`, 'see the log of the auth service')
    return ok('auth', `${service} answers (HTTP ${status})`)
  } catch (error) {
    return failed('auth', service, `${url} does not answer: ${reasonOf(error)}`, fix)
  }
}
