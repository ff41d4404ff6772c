import type { NacosTransport } from '../nacos/transport.js'
import type { ConfigItem, ConfigKey, Unsubscribe } from '../types.js'

/**
 * Tells of every change of a document: by the transport's own watch, else by asking again and again. A request that
 * fails tells nothing, and is asked again later.
 *
 * @param knownMd5 of what the caller holds, '' for nothing.
 * @param intervalMs between two questions, ±10 %.
 */
export function followConfig(
  transport: Pick<NacosTransport, 'getConfig' | 'watchConfig'>,
  key: ConfigKey,
  knownMd5: string,
  intervalMs: number,
  listener: (item: ConfigItem | undefined) => void,
): Unsubscribe {
  if (transport.watchConfig) return transport.watchConfig(key, knownMd5, listener)

  const closing = new AbortController()
  let md5 = knownMd5
  let timer: NodeJS.Timeout
  const ask = async () => {
    try {
      const item = await transport.getConfig(key, closing.signal)
      if (closing.signal.aborted) return
      if ((item?.md5 ?? '') !== md5) {
        md5 = item?.md5 ?? ''
        listener(item)
      }
    } catch {
      // The transport has logged and counted it; what is held stays.
    }
    if (!closing.signal.aborted) plan()
  }
  const plan = () => {
    timer = setTimeout(() => void ask(), intervalMs * (0.9 + Math.random() * 0.2))
    timer.unref()
  }
  plan()
  return () => {
    closing.abort()
    clearTimeout(timer)
  }
}
