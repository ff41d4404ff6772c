import type { EventEmitter } from 'node:events'
import type { SdkConfigClient, SdkNamingClient } from './clients.js'

/**
 * Closes the SDK's clients. The config client drops its error listeners while a long poll is in flight, whose failure
 * would then be an uncaught exception: they get one that outlives it.
 */
export async function closeSdk(naming: SdkNamingClient, config: SdkConfigClient | undefined): Promise<void> {
  const workers = config ? workersOf(config) : []
  await Promise.allSettled([naming.close?.(), config?.close()])
  for (const worker of workers) worker.on('error', () => {})
}

/** Those of a `DataClient`, or of the one inside a `NacosConfigClient`; none of it is part of the SDK's types. */
function workersOf(config: SdkConfigClient): EventEmitter[] {
  const { clients } = (realClientOf(config) ?? config) as { clients?: Map<string, EventEmitter> }
  return clients instanceof Map ? [...clients.values()] : []
}

function realClientOf(config: SdkConfigClient): object | undefined {
  const { _client: wrapper } = config as { _client?: Record<symbol, { _realClient?: object } | undefined> }
  if (!wrapper) return undefined
  const parts = Object.getOwnPropertySymbols(wrapper).map((symbol) => wrapper[symbol])
  return parts.find((part) => part?._realClient)?._realClient
}
