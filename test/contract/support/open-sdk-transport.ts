import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { DataClient, NacosNamingClient } from 'nacos'
import { fromNacosSdk, type NacosTransport } from 'nacos-sidecar'
import type { TransportOverrides } from './open-transport.js'
import type { ContractTarget } from './target.js'

/**
 * It repeats a failing config request without a pause for as long as this, and takes no answer that comes later. A real
 * server on a busy machine may need more than a second for one.
 */
const requestTimeout = ({ kind }: ContractTarget) => (kind === 'embedded' ? 1_000 : 4_000)

/** `fromNacosSdk` under test. A client of the SDK has one namespace, so each namespace gets its own pair. */
export function openSdkTransport(target: ContractTarget, overrides: TransportOverrides = {}): NacosTransport {
  const opened = new Map<string, Whole>()
  const at = ({ namespace }: { namespace: string }): Whole => {
    const one = opened.get(namespace) ?? (openOne(target, overrides, namespace) as Whole)
    opened.set(namespace, one)
    return one
  }
  return {
    register: (instance, signal) => at(instance).register(instance, signal),
    deregister: (instance, signal) => at(instance).deregister(instance, signal),
    list: (key, signal) => at(key).list(key, signal),
    listServices: (page, signal) => at(page).listServices(page, signal),
    getConfig: (key, signal) => at(key).getConfig(key, signal),
    publishConfig: (item, casMd5, signal) => at(item).publishConfig(item, casMd5, signal),
    deleteConfig: (key, signal) => at(key).deleteConfig(key, signal),
    watchConfig: (key, knownMd5, listener) => at(key).watchConfig(key, knownMd5, listener),
    describe: () => at({ namespace: '' }).describe(),
    close: async () => void (await Promise.all([...opened.values()].map((one) => one.close()))),
  }
}

type Whole = Required<NacosTransport>

function openOne(target: ContractTarget, overrides: TransportOverrides, namespace: string): NacosTransport {
  const { server = target.server, anonymous, username, password } = overrides
  const user = anonymous ? undefined : (target.auth ?? target.admin)
  const credentials = { username: username ?? user?.username, password: password ?? user?.password }
  const naming = new NacosNamingClient({
    ...{ logger: silent, serverList: server, namespace: namespace || 'public' },
    ...credentials,
  })
  // `NacosConfigClient` without its cluster wrapper: see the test of that one.
  const config = new DataClient({
    ...{
      serverAddr: server,
      requestTimeout: requestTimeout(target),
      cacheDir: join(tmpdir(), `nacos-sdk-${randomUUID()}`),
    },
    ...(namespace && { namespace }),
    ...credentials,
  })
  // Else it prints each failed request.
  config.on('error', () => {})
  return fromNacosSdk({ naming, config, own: true })
}

const silent = { ...console, debug() {}, info() {}, log() {}, warn() {}, error() {} }
