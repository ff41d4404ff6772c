import type { ServiceDirectory } from '../discovery/directory.js'
import type { Settings } from '../settings/schema.js'
import { startDeadline } from '../util/deadline.js'
import { clientSettings } from './client-settings.js'

/**
 * How a plain host name such as `user-service` is told from a host of the network.
 *
 * - `service`: it is a service, whatever the registry says
 * - `asked`: the registry is asked each time; an error of it is an error of the call
 * - `known`: the registry is asked once, and not for long. Real hosts are called by the same client: they must not wait
 */
export type NamePolicy = 'service' | 'asked' | 'known'

/** Which host names are services. */
export interface ServiceNames {
  /** The registered name, for a host of `sidecar.logical-names`; hosts are compared without regard to case. */
  listed(host: string): string | undefined
  /**
   * Whether `name` is a service. One that was ever seen in the registry is one for ever; one with a fixed URL always is.
   *
   * @throws what the registry answers, under `asked`
   */
  isService(name: string, policy: NamePolicy, signal?: AbortSignal): boolean | Promise<boolean>
}

/** What a real host may wait for the first answer about its name. */
const FIRST_ANSWER_MS = 2_000
/** Names of hosts that are kept as unknown. */
const MAX_UNKNOWN = 10_000

export function createServiceNames(
  directory: ServiceDirectory,
  { feign, sidecar }: Pick<Settings, 'feign' | 'sidecar'>,
): ServiceNames {
  const byHost = new Map(sidecar.logicalNames.map((name) => [name.toLowerCase(), name]))
  /** Names that were no service when the registry was first asked; it may not have answered. */
  const unknown = new Set<string>()

  const ask = async (name: string, signal?: AbortSignal) =>
    (await directory.get(name, signal)).all.length > 0 || directory.hasSeen(name)

  async function askOnce(name: string): Promise<boolean> {
    const limit = startDeadline(FIRST_ANSWER_MS, [], 0)
    try {
      return await ask(name, limit.signal)
    } catch {
      return false
    } finally {
      limit.dispose()
      unknown.add(name)
      // They come from outside: one that is asked for again costs a question.
      if (unknown.size > MAX_UNKNOWN) unknown.delete(unknown.values().next().value!)
    }
  }

  return {
    listed: (host) => (byHost.size === 0 ? undefined : byHost.get(host.toLowerCase())),
    isService(name, policy, signal) {
      if (policy === 'service' || directory.hasSeen(name)) return true
      if (clientSettings(feign, name).options.url !== undefined) return true
      if (policy === 'asked') return ask(name, signal)
      if (!unknown.has(name)) return askOnce(name)
      // A service that has just started is found by the call after this one.
      ask(name).catch(() => {})
      return false
    },
  }
}

/** DNS knows no such host. */
export function isUnknownHost(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  return code === 'ENOTFOUND' || code === 'EAI_AGAIN' || (cause !== undefined && isUnknownHost(cause))
}
