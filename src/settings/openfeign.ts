import type { PropertyEntry } from '../properties/document.js'
import { relaxed, type PropertyPath } from '../properties/path.js'
import { feignClient } from './schema/feign.js'

/** Where OpenFeign keeps its clients: since Spring Cloud 2022, and before. */
const HOMES = ['cloud.openfeign.client.config', 'feign.client.config']
/** What older versions have beside the clients, below `feign.client`. */
const NOT_CLIENTS = new Set(['defaultconfig', 'defaulttoproperties', 'refreshenabled', 'decodeslash'])

const SETTINGS = new Set(Object.keys(feignClient.shape).map(relaxed))

/**
 * The client settings of a bootstrap.yml under OpenFeign's names, translated to `feign.client.<name>`, which is
 * stronger.
 */
export function withOpenFeign(entries: readonly PropertyEntry[]): PropertyEntry[] {
  const clients = entries.flatMap((entry) => {
    const path = clientPath(entry.path)
    return path ? [{ ...entry, path }] : []
  })
  return [...clients, ...entries.filter(({ path }) => !isOpenFeignsOwn(path))]
}

function clientPath(path: PropertyPath): PropertyPath | undefined {
  const home = HOMES.find((name) => startsWith(path, name))
  if (home === undefined) return undefined
  const [name, setting, ...below] = path.slice(home.split('.').length)
  // A service may be called `config`: there it is a setting that follows, not a client.
  if (name === undefined || setting === undefined || SETTINGS.has(relaxed(String(name)))) return undefined
  return ['feign', 'client', name, setting, ...below]
}

function isOpenFeignsOwn(path: PropertyPath): boolean {
  return path.length === 3 && startsWith(path, 'feign.client') && NOT_CLIENTS.has(relaxed(String(path[2])))
}

function startsWith(path: PropertyPath, name: string): boolean {
  return name.split('.').every((segment, index) => relaxed(String(path[index] ?? '')) === segment)
}
