import { configKeyText } from '../../instance.js'
import type { Logger } from '../../logger.js'
import type { ConfigKey } from '../../types.js'
import { ConfigFollowers, md5Of } from '../followers.js'
import type { ConfigSource } from '../transport.js'
import { listenConfig, textOr, type Message } from './messages.js'
import { fetchConfig } from './operations.js'
import type { Reconciler } from './reconciler.js'
import type { Session } from './session.js'

/** Config documents that are followed over the link. */
export interface ConfigWatches {
  /**
   * The listener is called with every document that differs from `knownMd5` ('' for none), then from the one before.
   */
  readonly watch: ConfigSource
  /** A `ConfigChangeNotifyRequest` of the present connection. */
  onNotify(message: Message): void
}

interface Watch {
  readonly key: ConfigKey
  readonly followers: ConfigFollowers
  /** What the server is told that we hold. */
  md5: string
  /** Reasons to fetch so far, and how many of them the last fetch has seen to. */
  notices: number
  seen: number
}

/** A server that calls a document changed which it then serves unchanged must not keep us spinning. */
const MAX_ROUNDS = 3

export function createConfigWatches(reconciler: Reconciler<Session>, logger: Logger): ConfigWatches {
  const watches = new Map<string, Watch>()

  const fetch = async (watch: Watch, session: Session): Promise<void> => {
    const notices = watch.notices
    const item = await fetchConfig(watch.key, session.server, (request) => session.request(request))
    watch.seen = notices
    watch.md5 = md5Of(item)
    watch.followers.emit(item)
  }

  const listen = async (watch: Watch, session: Session): Promise<void> => {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      // Configs with a notice come first: their listeners wait.
      if (watch.seen !== watch.notices) await fetch(watch, session)
      const answer = await session.request(listenConfig(watch.key, watch.md5, true))
      const changed = answer['changedConfigs']
      if (Array.isArray(changed) && changed.length > 0) watch.notices++
      if (watch.seen === watch.notices) return
    }
    watch.seen = watch.notices
  }

  const add = (id: string, key: ConfigKey, md5: string): Watch => {
    const followers = new ConfigFollowers(key, logger, () => {
      watches.delete(id)
      reconciler.release(id)
    })
    const watch: Watch = { key, followers, md5, notices: 0, seen: 0 }
    watches.set(id, watch)
    reconciler.ensure(id, {
      label: `watch of config ${key.group}/${key.dataId}`,
      establish: (session) => listen(watch, session),
      release: async (session) => void (await session.request(listenConfig(key, '', false))),
    })
    return watch
  }

  const notice = (id: string, watch: Watch): void => {
    watch.notices++
    reconciler.recheck(id)
  }

  return {
    watch(key, knownMd5, listener) {
      const id = idOf(key)
      const watch = watches.get(id) ?? add(id, key, knownMd5)
      const end = watch.followers.add(knownMd5, listener)
      if (watch.md5 !== knownMd5) notice(id, watch)
      return end
    },
    onNotify(message) {
      const tenant = textOr(message['tenant'], '')
      const group = textOr(message['group'], '')
      const dataId = textOr(message['dataId'], '')
      const named = idOf({ namespace: tenant === 'public' ? '' : tenant, group, dataId })
      const meant = [...watches].filter(([, { key }]) => key.group === group && key.dataId === dataId)
      for (const [id, watch] of meant) {
        if (id === named) notice(id, watch)
        // r-nacos names the wrong namespace now and then: those of the others are compared.
        else reconciler.recheck(id)
      }
      if (meant.length === 0) logger.debug(`A notice of config ${group}/${dataId} is ignored: nothing watches it`)
    },
  }
}

const idOf = (key: ConfigKey): string => `config ${configKeyText(key)}`
