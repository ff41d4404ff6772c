import type { EventEmitter } from 'node:events'
import type { SdkConfigClient, SdkNamingClient } from './clients.js'

/** The SDK's `DataClient`, as it is inside; none of it is part of the SDK's types. */
interface DataClient {
  /** Each has a long poll in flight while something is subscribed. */
  readonly clients?: Map<string, EventEmitter & { close(): void }>
  /** Asked by each request for the server to go to. */
  readonly serverMgr?: { getCurrentServerAddr(): Promise<string> }
}

/** Closes the SDK's clients. */
export async function closeSdk(
  naming: SdkNamingClient | undefined,
  config: SdkConfigClient | undefined,
): Promise<void> {
  if (config) endPollsWithClose(realClientOf(config) ?? config)
  await Promise.allSettled([naming?.close?.(), config?.close()])
}

/**
 * The SDK closes with long polls in flight. One that fails then would be sent again, without a pause, until it is 40 s
 * old, and its failure would be an uncaught exception, as closing drops the error listeners.
 */
function endPollsWithClose({ clients, serverMgr }: DataClient): void {
  if (serverMgr) serverMgr.getCurrentServerAddr = () => Promise.reject(new Error('the client is closed'))
  if (!(clients instanceof Map)) return
  for (const worker of clients.values()) {
    const close = worker.close.bind(worker)
    worker.close = () => {
      close()
      worker.on('error', () => {})
    }
  }
}

/** The `DataClient` inside a `NacosConfigClient`. */
function realClientOf(config: SdkConfigClient): object | undefined {
  const { _client: wrapper } = config as { _client?: Record<symbol, { _realClient?: object } | undefined> }
  if (!wrapper) return undefined
  const parts = Object.getOwnPropertySymbols(wrapper).map((symbol) => wrapper[symbol])
  return parts.find((part) => part?._realClient)?._realClient
}
