import { configKey } from '../config-store.js'
import type { ConfigId, ConfigStore } from '../config-store.js'
import type { Naming } from '../naming.js'
import { addressOf, keyOf } from '../service.js'
import type { ServiceId } from '../service.js'
import { configRow, instanceRow, nameOf, serviceKey, serviceRow } from './rows.js'
import type { RowParts } from './rows.js'

export interface LiveOptions extends RowParts {
  readonly naming: Naming
  readonly store: ConfigStore
}

/** What is told of a list: rows that are new or differ, and keys of those that are gone. */
interface Changes {
  /** Each as JSON. */
  readonly upsert: readonly string[]
  readonly gone: readonly string[]
}

const FIRST_ROWS = 100
/** The page has drawn them before the others come. */
const FIRST_ROWS_AHEAD_MS = 50
/** Changes within it go out as one. */
const GATHER_MS = 80
/** Subscribers, listeners and services without an instance change without an event: they are looked at this often. */
const LOOK_MS = 1_000
/** An empty line after this many looks tells the browser that the registry lives. */
const BEAT_LOOKS = 8

/**
 * Tells one page what there is, and then what changes, a JSON object a line.
 *
 * @param open the service whose instances it shows
 * @returns ends it
 */
export function followRegistry(
  { naming, store, audience, history }: LiveOptions,
  open: ServiceId | undefined,
  write: (line: string) => void,
): () => void {
  const parts = { audience, history }
  const services = createList()
  const configs = createList()
  const instances = createList()
  const openKey = open && keyOf(open)
  const dirtyServices = new Map<string, ServiceId>()
  const dirtyConfigs = new Map<string, ConfigId>()
  let clients = ''
  let subscribers = ''
  let looks = 0
  let timer: NodeJS.Timeout | undefined

  const tell = (type: string, message: object) => write(`${JSON.stringify({ type, ...message })}\n`)
  const tellChanges = (type: string, changes: Changes, always = false) => {
    const { upsert, gone } = changes
    if (!always && upsert.length === 0 && gone.length === 0) return
    write(`{"type":"${type}","upsert":[${upsert.join(',')}],"gone":${JSON.stringify(gone)}}\n`)
  }

  const lookAtServices = (ids: Iterable<ServiceId>, always = false) => {
    const upsert: string[] = []
    const gone: string[] = []
    for (const id of ids) {
      const record = naming.service(id)
      const key = serviceKey(id)
      if (!record) {
        if (services.remove(key)) gone.push(key)
        continue
      }
      const row = serviceRow(record, naming.details(id), parts)
      const changed = services.put(key, row)
      if (changed) upsert.push(changed)
    }
    tellChanges('services', { upsert, gone }, always)
  }

  /** What fills a screen goes first: 10,000 rows take their time. @returns false if it is all */
  const tellFirstInstances = (): boolean => {
    const details = open ? naming.details(open) : []
    if (details.length <= FIRST_ROWS) return false
    const first = details.slice(0, FIRST_ROWS)
    const upsert = first.flatMap((detail) => instances.put(addressOf(detail.instance), instanceRow(detail)) ?? [])
    write(`{"type":"instances","upsert":[${upsert.join(',')}],"gone":[],"more":true}\n`)
    return true
  }

  const lookAtInstances = (always = false) => {
    if (!open) return
    const rows = new Map(naming.details(open).map((detail) => [addressOf(detail.instance), instanceRow(detail)]))
    tellChanges('instances', instances.replace(rows), always)
  }

  const lookAtConfigs = (ids: Iterable<ConfigId>, always = false) => {
    const upsert: string[] = []
    const gone: string[] = []
    for (const id of ids) {
      const config = store.get(id)
      const key = configKey(id)
      if (!config) {
        const { namespace, group, dataId } = nameOf(id)
        if (configs.remove(key)) gone.push(JSON.stringify([namespace, group, dataId]))
        continue
      }
      const row = configRow(config, parts)
      const changed = configs.put(key, row)
      if (changed) upsert.push(changed)
    }
    tellChanges('configs', { upsert, gone }, always)
  }

  const lookAtClients = () => {
    const now = JSON.stringify(audience.connections())
    if (now !== clients) tell('clients', { clients: JSON.parse((clients = now)) as unknown })
    if (!open) return
    const members = JSON.stringify(audience.subscribers(open))
    if (members !== subscribers) tell('subscribers', { subscribers: JSON.parse((subscribers = members)) as unknown })
  }

  const flush = () => {
    timer = undefined
    lookAtServices(dirtyServices.values())
    if (openKey !== undefined && dirtyServices.has(openKey)) lookAtInstances()
    dirtyServices.clear()
    lookAtConfigs(dirtyConfigs.values())
    dirtyConfigs.clear()
  }
  const soon = () => (timer ??= setTimeout(flush, GATHER_MS).unref())
  const onService = (id: ServiceId) => {
    dirtyServices.set(keyOf(id), id)
    soon()
  }
  const onConfig = (id: ConfigId) => {
    dirtyConfigs.set(configKey(id), id)
    soon()
  }

  /** Whatever has no event; all rows of small lists, and of a large one what is new or gone. */
  const look = () => {
    const known = new Set(services.keys())
    const records = naming.services()
    const now = new Set(records.map(serviceKey))
    const changed = records.filter(
      (record) =>
        !known.has(serviceKey(record)) ||
        services.number(serviceKey(record), 'subscribers') !== audience.subscribers(record).length,
    )
    const removed = [...known].filter((key) => !now.has(key)).map(idOfKey)
    lookAtServices([...changed, ...removed])
    const heard = store
      .all()
      .filter((config) => configs.number(configKey(config), 'listeners') !== audience.listeners(config).length)
    lookAtConfigs(heard)
    lookAtClients()
    if (++looks % BEAT_LOOKS === 0) write('\n')
  }

  naming.on('change', onService)
  store.on('publish', onConfig)
  store.on('remove', onConfig)
  const interval = setInterval(look, LOOK_MS).unref()
  const more = tellFirstInstances()
  if (!more) lookAtInstances(true)
  lookAtServices(naming.services(), true)
  lookAtConfigs(store.all(), true)
  lookAtClients()
  const rest = more ? setTimeout(() => lookAtInstances(true), FIRST_ROWS_AHEAD_MS).unref() : undefined

  return () => {
    naming.off('change', onService)
    store.off('publish', onConfig)
    store.off('remove', onConfig)
    clearInterval(interval)
    clearTimeout(timer)
    clearTimeout(rest)
  }
}

function idOfKey(key: string): ServiceId {
  const [namespace, group, name] = JSON.parse(key) as [string, string, string]
  return { namespace, group, name }
}

/** The rows that the page has, as it was told of them. */
function createList() {
  const told = new Map<string, string>()
  const rows = new Map<string, object>()
  const list = {
    keys: () => rows.keys(),
    /** A field of a row; `undefined` without the row. */
    number: (key: string, field: string) => (rows.get(key) as Record<string, unknown> | undefined)?.[field],
    /** The row as JSON, where the page has another one, or none. */
    put(key: string, row: object): string | undefined {
      const text = JSON.stringify(row)
      if (told.get(key) === text) return undefined
      told.set(key, text)
      rows.set(key, row)
      return text
    },
    remove(key: string): boolean {
      rows.delete(key)
      return told.delete(key)
    },
    /** Takes these for all there is. */
    replace(now: ReadonlyMap<string, object>): Changes {
      const gone = [...told.keys()].filter((key) => !now.has(key))
      for (const key of gone) list.remove(key)
      return { upsert: [...now].flatMap(([key, row]) => list.put(key, row) ?? []), gone }
    },
  }
  return list
}
