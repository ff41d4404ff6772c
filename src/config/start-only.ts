import type { Logger } from '../logger.js'
import { relaxed, type PropertyPath } from '../properties/path.js'
import type { PropertyStore } from '../properties/store.js'

/** Keys that are named in the log; more would be noise. */
const MAX_LOGGED = 100

/**
 * A setting of the sidecar that stands in a document of Nacos, but is read before Nacos is asked, would be ignored without a word: each is
 * told of once.
 */
export function warnOfStartOnly(store: Pick<PropertyStore, 'remoteDocuments' | 'watch'>, logger: Logger): void {
  const logged = new Set<string>()
  store.watch(() => {
    for (const { name, entries } of store.remoteDocuments) {
      const keys = entries.filter(({ path, key }) => isStartOnly(path) && !logged.has(key)).map(({ key }) => key)
      if (keys.length === 0 || logged.size >= MAX_LOGGED) continue
      for (const key of keys) logged.add(key)
      logger.warn(
        `config ${name}: without effect here: ${keys.slice(0, 10).join(', ')}. The sidecar reads it before it asks Nacos: set it in bootstrap.yml, the environment or the options`,
      )
    }
  })
}

/** `sidecar.observe` is read live; the collector of its reports is not. So is `sidecar.events`. */
function isStartOnly([root, section, part]: PropertyPath): boolean {
  if (relaxed(String(root)) !== 'sidecar') return false
  const name = relaxed(String(section))
  if (name === 'events') return false
  return name !== 'observe' || relaxed(String(part)) === 'report'
}
