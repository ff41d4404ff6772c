import { followStream } from '../base/live.js'

/**
 * What the registry has, as it tells: kept up to date by one stream.
 *
 * @typedef {import('./types.d.ts').ServiceRow} ServiceRow
 * @typedef {import('./types.d.ts').InstanceRow} InstanceRow
 * @typedef {import('./types.d.ts').ConfigRow} ConfigRow
 * @typedef {import('./types.d.ts').ServiceName} ServiceName
 * @typedef {import('../base/live.js').LiveState | 'idle'} State
 *
 * @typedef {object} Registry
 * @property {() => State} state
 * @property {() => import('./types.d.ts').About | undefined} about
 * @property {() => boolean} ready true once the first list has come
 * @property {() => boolean} partial true while only the first instances have come
 * @property {Map<string, ServiceRow>} services
 * @property {Map<string, ConfigRow>} configs
 * @property {() => import('./types.d.ts').Client[]} clients
 * @property {Map<string, InstanceRow>} instances those of the followed service
 * @property {() => import('./types.d.ts').Member[]} subscribers
 * @property {(service: ServiceName | undefined) => void} follow opens the stream, anew where another service is meant
 * @property {() => void} end
 */

/** @param {ServiceName} service */
export function serviceKey({ namespace, group, name }) {
  return JSON.stringify([namespace, group, name])
}

/** @param {import('./types.d.ts').ConfigName} config */
export function configKey({ namespace, group, dataId }) {
  return JSON.stringify([namespace, group, dataId])
}

/** @param {{ ip: string, port: number }} instance */
export function instanceKey({ ip, port }) {
  return `${ip}#${port}`
}

/**
 * @param {import('./api.js').Api} api
 * @param {{ onChange: () => void, onUnauthorized: () => void }} listeners `onChange` is called at most once a frame
 * @returns {Registry}
 */
export function createRegistry(api, { onChange, onUnauthorized }) {
  /** @type {State} */
  let state = 'idle'
  /** @type {import('./types.d.ts').About | undefined} */
  let about
  /** @type {import('./types.d.ts').Client[]} */
  let clients = []
  /** @type {import('./types.d.ts').Member[]} */
  let subscribers = []
  /** @type {string | undefined} */
  let followed
  let ready = false
  /** More instances are on their way. */
  let partial = false
  let asked = false
  let stream = new AbortController()
  /** The first message of each list after a connection holds all of it. @type {Set<string>} */
  const whole = new Set()
  const lists = /** @type {const} */ ({
    services: { rows: /** @type {Map<string, ServiceRow>} */ (new Map()), key: serviceKey },
    configs: { rows: /** @type {Map<string, ConfigRow>} */ (new Map()), key: configKey },
    instances: { rows: /** @type {Map<string, InstanceRow>} */ (new Map()), key: instanceKey },
  })

  const changed = () => {
    if (asked) return
    asked = true
    requestAnimationFrame(() => {
      asked = false
      onChange()
    })
  }

  /** @param {any} message */
  const take = (message) => {
    const list = lists[/** @type {keyof typeof lists} */ (message.type)]
    if (list) {
      if (whole.delete(message.type)) list.rows.clear()
      for (const key of message.gone) list.rows.delete(key)
      for (const row of message.upsert) list.rows.set(list.key(row), row)
      if (message.type === 'configs') ready = true
      if (message.type === 'instances') partial = message.more === true
    } else if (message.type === 'about') {
      about = message
      for (const name of Object.keys(lists)) whole.add(name)
    } else if (message.type === 'clients') clients = message.clients
    else if (message.type === 'subscribers') subscribers = message.subscribers
    changed()
  }

  return {
    state: () => state,
    about: () => about,
    ready: () => ready,
    partial: () => partial,
    services: lists.services.rows,
    configs: lists.configs.rows,
    instances: lists.instances.rows,
    clients: () => clients,
    subscribers: () => subscribers,
    follow(service) {
      const key = service && serviceKey(service)
      if (state !== 'idle' && key === followed) return
      followed = key
      lists.instances.rows.clear()
      subscribers = []
      stream.abort()
      stream = new AbortController()
      const { signal } = stream
      followStream({
        url: api.liveUrl(key === undefined ? {} : { service: key }),
        headers: api.headers,
        signal,
        onMessage: (message) => !signal.aborted && take(message),
        onState(next) {
          if (signal.aborted) return
          state = next
          if (next === 'unauthorized') onUnauthorized()
          changed()
        },
      })
    },
    end() {
      stream.abort()
      state = 'idle'
    },
  }
}
