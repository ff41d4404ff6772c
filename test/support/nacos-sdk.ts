import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DataClient, NacosNamingClient } from 'nacos'
import { fromNacosSdk, type NacosSdkOptions, type NacosTransport } from 'nacos-sidecar'
import { onTestFinished } from 'vitest'
import { closeSdk } from '../../src/nacos/sdk/close.js'

const silent = { ...console, debug() {}, info() {}, log() {}, warn() {}, error() {} }

export interface OpenedSdk {
  readonly naming: NacosNamingClient
  readonly config: DataClient
  readonly transport: Required<NacosTransport>
}

/** The SDK's clients, as a program has them, and the transport over them; all close with the test. */
export function openSdk(
  server: string,
  given: { readonly username?: string; readonly password?: string } & Omit<
    Partial<NacosSdkOptions>,
    'naming' | 'config'
  > = {},
): OpenedSdk {
  const { username, password, ...options } = given
  const credentials = { ...(username && { username, password }) }
  const naming = new NacosNamingClient({ logger: silent, serverList: server, namespace: 'public', ...credentials })
  const cacheDir = join(tmpdir(), `nacos-sdk-${randomUUID()}`)
  const config = new DataClient({ serverAddr: server, requestTimeout: 600, cacheDir, ...credentials })
  // Without a listener it prints.
  config.on('error', () => {})
  const transport = fromNacosSdk({ naming, config, ...options }) as Required<NacosTransport>
  onTestFinished(async () => {
    await transport.close()
    await closeSdk(naming, config)
  })
  return { naming, config, transport }
}
