import { AsyncResource } from 'node:async_hooks'
import { messageOf } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { ConfigItem, ConfigKey, Unsubscribe } from '../../types.js'
import { untraced } from '../../tracing/untraced.js'
import { pause } from '../../util/deadline.js'
import { ConfigFollowers } from '../followers.js'
import type { ConfigListener } from '../transport.js'
import type { SdkConfigClient } from './clients.js'

export interface SdkWatchOptions {
  readonly client: Pick<SdkConfigClient, 'subscribe' | 'unSubscribe'>
  readonly key: ConfigKey
  readonly knownMd5: string
  readonly listener: ConfigListener
  /** Reads the document, and rejects where the SDK would hand out an old copy. */
  readonly read: (signal: AbortSignal) => Promise<ConfigItem | undefined>
  readonly logger: Logger
}

const RETRY_MS = 2_000

/**
 * Follows one document. The SDK's event is only a hint, and the document is read again: in an outage the event carries
 * the copy on disk, and `null` for any 404.
 */
export function watchSdkConfig(options: SdkWatchOptions, closed: AbortSignal): Unsubscribe {
  const { client, key, knownMd5, listener, read, logger } = options
  const { dataId, group } = key
  const ended = new AbortController()
  const { signal } = ended
  const followers = new ConfigFollowers(key, logger, () => {})
  followers.add(knownMd5, listener)
  let hints = 0

  // What listens is the app's: it does not run in the SDK's long poll, which is untraced.
  const hint = AsyncResource.bind(() => void (hints++ === 0 && follow()))

  async function follow(): Promise<void> {
    while (!signal.aborted) {
      const seen = hints
      const done = await look()
      if (done && hints === seen) break
      if (!done) await pause(RETRY_MS, signal)
    }
    hints = 0
  }

  async function look(): Promise<boolean> {
    let item: ConfigItem | undefined
    try {
      item = await read(signal)
    } catch (error) {
      if (!signal.aborted) logger.debug(`A change was announced, but ${messageOf(error)}`)
      return false
    }
    if (!signal.aborted) followers.emit(item)
    return true
  }

  // A new object each time: the SDK writes into it.
  untraced(() => client.subscribe({ dataId, group }, hint))
  const end = () => {
    if (signal.aborted) return
    ended.abort()
    closed.removeEventListener('abort', end)
    client.unSubscribe({ dataId, group }, hint)
  }
  closed.addEventListener('abort', end)
  return end
}
