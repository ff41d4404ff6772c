import type { ConfigItem, ConfigKey, Logger, ServiceKey, ServiceSnapshot, Unsubscribe } from 'nacos-sidecar'
import { vi } from 'vitest'
import { createServiceDirectory } from '../../../src/discovery/directory.js'
import { createTransport } from '../../../src/nacos/connect.js'
import type { RegistryTransport } from '../../../src/nacos/transport.js'
import { connectionOf } from '../../../src/settings/connection.js'
import { settingsSchema } from '../../../src/settings/schema.js'
import type { ContractContext } from './contract-test.js'
import type { ContractTarget } from './target.js'

/** How changes are to arrive: over gRPC, or with gRPC forced off. */
export type Way = 'push' | 'poll'

export interface Follower {
  readonly transport: RegistryTransport
  /** Every list of the service, in the order they were heard of. */
  service(key: ServiceKey): { readonly lists: readonly ServiceSnapshot[]; stop: Unsubscribe }
  /** What was heard of the document: its content, or `undefined` for gone. */
  config(key: ConfigKey, knownMd5?: string): { readonly heard: readonly (string | undefined)[]; stop: Unsubscribe }
  /** Waits until changes arrive by what `way` says. */
  ready(): Promise<void>
}

export interface FollowOptions {
  readonly way: Way
  readonly namespace?: string
  /** Another port that leads to the gRPC port. */
  readonly grpcPort?: number
  readonly transport?: 'http' | 'grpc'
  readonly requestTimeout?: number
}

/** Often enough for a test to wait for. */
const POLL_MS = 300

/** What a sidecar has between itself and the registry; gone when the test ends. */
export function follow({ target, defer }: ContractContext, options: FollowOptions): Follower {
  const transport = openTransport(target, options)
  defer(() => transport.close())
  const directory = createServiceDirectory({
    transport,
    namespace: options.namespace ?? '',
    group: 'DEFAULT_GROUP',
    settings: settingsOf(target, options).sidecar,
    logger: silent,
    emit: () => {},
  })
  defer(() => directory.close())
  return {
    transport,
    service({ group, service }) {
      const lists: ServiceSnapshot[] = []
      return { lists, stop: directory.watch(`${group}@@${service}`, (snapshot) => lists.push(snapshot)) }
    },
    config(key, knownMd5 = '') {
      const heard: (string | undefined)[] = []
      const listener = (item: ConfigItem | undefined) => heard.push(item?.content)
      return { heard, stop: transport.watchConfig(key, knownMd5, listener) }
    },
    async ready() {
      if (options.way === 'poll') return
      await vi.waitFor(
        () => {
          const { updates } = transport.describe()
          if (!updates?.startsWith('grpc push')) throw new Error(`changes arrive by ${updates}`)
        },
        { timeout: 10_000, interval: 20 },
      )
    },
  }
}

function openTransport(target: ContractTarget, options: FollowOptions): RegistryTransport {
  const settings = settingsOf(target, options)
  const connection = connectionOf(settings.cloud.nacos, 'discovery')
  return createTransport({ connection, settings, logger: silent, registers: true })
}

function settingsOf(target: ContractTarget, { way, namespace, grpcPort, transport, requestTimeout }: FollowOptions) {
  const user = target.auth ?? target.admin
  return settingsSchema.parse({
    cloud: {
      nacos: {
        serverAddr: target.server,
        apiVersion: target.apiVersion,
        namespace,
        transport,
        requestTimeout,
        ...(user && { username: user.username, password: user.password }),
      },
    },
    sidecar: { push: way === 'push' ? 'auto' : 'off', pollInterval: POLL_MS, grpcPort },
  })
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
