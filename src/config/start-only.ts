import type { Logger } from '../logger.js'
import { relaxed, type PropertyPath } from '../properties/path.js'
import type { PropertyStore } from '../properties/store.js'

/** Keys that were told of; what comes beyond them is noise. */
const MAX_TOLD = 100

/**
 * A setting of the sidecar that stands in a document of Nacos, but is read before Nacos is asked, would be ignored without a word: each is
 * told of once.
 */
export function warnOfStartOnly(store: Pick<PropertyStore, 'remoteDocuments' | 'watch'>, logger: Logger): void {
  const told = new Set<string>()
  store.watch(() => {
    for (const { name, entries } of store.remoteDocuments) {
      const keys = entries.filter(({ path, key }) => isStartOnly(path) && !told.has(key)).map(({ key }) => key)
      if (keys.length === 0 || told.size >= MAX_TOLD) continue
      for (const key of keys) told.add(key)
      logger.warn(
        `config ${name}: without effect here: ${keys.slice(0, 10).join(', ')}. The sidecar reads it before it asks Nacos: set it in bootstrap.yml, the environment or the options`,
      )
    }
  })
}

/** `sidecar.observe` is read live; the collector of its reports is not. */
function isStartOnly([root, section, part]: PropertyPath): boolean {
  if (relaxed(String(root)) !== 'sidecar') return false
  return relaxed(String(section)) !== 'observe' || relaxed(String(part)) === 'report'
}
