import { messageOf } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { ConfigItem, ConfigKey, Unsubscribe } from '../../types.js'
import { callListener } from '../../util/call-listener.js'
import type { ConfigListener, NacosTransport } from '../transport.js'
import type { UpdateMode } from './update-mode.js'

type WatchConfig = NonNullable<NacosTransport['watchConfig']>

/** Watches configs by push or by long poll, as the update mode says. */
export interface ConfigUpdates {
  readonly watch: WatchConfig
  setMode(mode: UpdateMode, push: WatchConfig | undefined): void
  close(): void
}

interface Watcher {
  readonly key: ConfigKey
  readonly listener: ConfigListener
  /** What the listener holds: each source starts from it, so that a switch neither loses nor repeats a change. */
  md5: string
  stop: Unsubscribe
}

/** @param pull watches without the link. */
export function createConfigUpdates({ pull, logger }: { pull: WatchConfig; logger: Logger }): ConfigUpdates {
  const watchers = new Set<Watcher>()
  let source: WatchConfig | undefined

  const notify = (watcher: Watcher, item: ConfigItem | undefined): void => {
    const md5 = item?.md5 ?? ''
    if (md5 === watcher.md5) return
    watcher.md5 = md5
    callListener(watcher.listener, item, (error) =>
      logger.error(`A listener of config ${watcher.key.dataId} (${watcher.key.group}) threw: ${messageOf(error)}`),
    )
  }

  const follow = (watcher: Watcher): void => {
    watcher.stop()
    watcher.stop = source ? source(watcher.key, watcher.md5, (item) => notify(watcher, item)) : () => {}
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
    setMode(mode, push) {
      source = mode === 'push' ? push : mode === 'pull' ? pull : undefined
      for (const watcher of watchers) follow(watcher)
    },
    close() {
      for (const watcher of watchers) watcher.stop()
      watchers.clear()
    },
  }
}
