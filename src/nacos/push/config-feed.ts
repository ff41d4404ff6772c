import { messageOf } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { ConfigItem, ConfigKey, Unsubscribe } from '../../types.js'
import { tell } from '../../util/tell.js'
import type { ConfigListener, NacosTransport } from '../transport.js'
import type { Mode } from './push-switch.js'

type WatchConfig = NonNullable<NacosTransport['watchConfig']>

/** Configs that are followed by whichever way there is. */
export interface ConfigFeed {
  readonly watch: WatchConfig
  set(mode: Mode, push: WatchConfig | undefined): void
  close(): void
}

interface Watcher {
  readonly key: ConfigKey
  readonly listener: ConfigListener
  /** What the listener holds: each way starts from it, so that a switch neither loses nor repeats a change. */
  md5: string
  stop: Unsubscribe
}

/** @param pull watches without the link. */
export function createConfigFeed({ pull, logger }: { pull: WatchConfig; logger: Logger }): ConfigFeed {
  const watchers = new Set<Watcher>()
  let way: WatchConfig | undefined

  const inform = (watcher: Watcher, item: ConfigItem | undefined): void => {
    const md5 = item?.md5 ?? ''
    if (md5 === watcher.md5) return
    watcher.md5 = md5
    tell(watcher.listener, item, (error) =>
      logger.error(`A listener of config ${watcher.key.dataId} (${watcher.key.group}) threw: ${messageOf(error)}`),
    )
  }

  const follow = (watcher: Watcher): void => {
    watcher.stop()
    watcher.stop = way ? way(watcher.key, watcher.md5, (item) => inform(watcher, item)) : () => {}
  }

  return {
    watch(key, knownMd5, listener) {
      const watcher: Watcher = { key, listener, md5: knownMd5, stop: () => {} }
      watchers.add(watcher)
      follow(watcher)
      return () => {
        if (watchers.delete(watcher)) watcher.stop()
      }
    },
    set(mode, push) {
      way = mode === 'push' ? push : mode === 'pull' ? pull : undefined
      for (const watcher of watchers) follow(watcher)
    },
    close() {
      for (const watcher of watchers) watcher.stop()
      watchers.clear()
    },
  }
}
