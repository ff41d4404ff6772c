import { randomBytes } from 'node:crypto'
import type { ConfigKey, NacosTransport, ServiceInstance, ServiceKey } from 'nacos-sidecar'
import { it, vi } from 'vitest'
import { anInstance } from '../../support/transport.js'
import { createRaw, type RawHost, type RawRegistry } from './raw.js'
import type { ContractTarget, ServerKind } from './target.js'
import { openTransport, type TransportOverrides } from './open-transport.js'

/** Why a server need not pass a test: a declared difference. */
export interface Skip {
  readonly server: ServerKind | 'v1' | 'v3' | 'npm nacos'
  /** Only where it is spoken to by this client. */
  readonly client?: ContractTarget['client']
  readonly reason: string
}

export interface TestOptions {
  readonly skip?: readonly Skip[]
  /** Ways in without which the test has nothing to say. */
  readonly needs?: readonly (keyof typeof LACKS)[]
  /** Waits more than it works: runs beside the other waiting tests. */
  readonly waits?: boolean
  readonly timeoutMs?: number
}

/** What one test works with. Whatever it makes through this is gone when it ends. */
export interface ContractContext {
  readonly target: ContractTarget
  readonly raw: RawRegistry
  /** The client under test; its own where the test asks for other settings. */
  readonly transport: NacosTransport
  open(overrides: TransportOverrides): NacosTransport
  /** A service or config name no other test or run uses. */
  unique(prefix: string): string
  /** A complete instance of a unique service; taken away at the end, registered or not. */
  instance(fields?: Partial<ServiceInstance>): ServiceInstance
  /** A unique data id; deleted at the end, published or not. */
  configKey(fields?: Partial<ConfigKey>): ConfigKey
  /** The hosts as the independent client sees them, once `check` accepts them. */
  eventually(key: ServiceKey, check: (hosts: RawHost[]) => void): Promise<void>
  /** Runs when the test ends. */
  defer(cleanUp: () => unknown): void
  /** Repeats until it passes; a write takes up to half a second to be read on Java servers. */
  soon<T>(check: () => T | Promise<T>, withinMs?: number): Promise<T>
}

export type ContractTest = (
  title: string,
  options: TestOptions,
  body: (context: ContractContext) => Promise<void>,
) => void

/** No test waits longer than this for a token to run out. */
export const LONGEST_TTL_MS = 30_000

const LACKS = {
  v1: 'has no v1 API',
  v3: 'has no v3 API',
  instanceUpdate: 'has no way to update an instance',
  configWrite: 'has no way to publish a config',
  clientWrite: 'opens its admin API to administrators only (NACOS_USERNAME, NACOS_PASSWORD)',
  listener: 'has no config listener over HTTP',
  grpc: 'has no gRPC port (HTTP port + 1000)',
  auth: 'asks for no credentials',
  shortToken: 'has no token short-lived enough to wait for its end',
  noAuth: 'asks for credentials',
  beat: 'is spoken to by a client that beats by itself',
  lightBeat: 'answers no beat without its JSON',
  checksLease: 'takes a lease that ends before its next beat',
  oneKind: 'mixes ephemeral and persistent instances in one service',
  keepsDisabled: 'switches an instance on again when it registers',
  configType: 'keeps no type of a document',
  login: 'is spoken to by a client that sends its password with each request',
}

const RUN = randomBytes(4).toString('hex')
let counter = 0
let nextPort = 20_000

/** Makes `it` for one target: skips with a reason, cleans up, and hands each test its tools. */
export function contractTest(target: ContractTarget): ContractTest {
  const raw = createRaw(target)

  return (title, options, body) => {
    const define = options.waits ? it.concurrent : it
    define(title, { timeout: options.timeoutMs ?? 60_000 }, async ({ skip, onTestFinished }) => {
      const reason = skipReason(target, options)
      if (reason) return skip(reason)

      const transports: NacosTransport[] = []
      const instances: ServiceInstance[] = []
      const configs: ConfigKey[] = []
      onTestFinished(async () => {
        await Promise.allSettled(transports.map((transport) => transport.close()))
        await Promise.allSettled(instances.map((i) => raw.deregister({ ...i, clusterName: i.cluster })))
        if (target.capabilities.configWrite) await Promise.allSettled(configs.map((key) => raw.remove(key)))
      })

      const unique = (prefix: string) => `${prefix}-${RUN}-${++counter}`
      const open = (overrides: TransportOverrides) => {
        const transport = openTransport(target, overrides)
        transports.push(transport)
        return transport
      }
      const soon: ContractContext['soon'] = (check, withinMs = target.timings.settleMs) =>
        vi.waitFor(async () => check(), { timeout: withinMs, interval: 50 })

      await body({
        target,
        raw,
        transport: open({}),
        open,
        unique,
        soon,
        defer: (cleanUp) => onTestFinished(async () => void (await cleanUp())),
        instance(fields = {}) {
          const own = { service: unique('contract'), ip: '127.0.0.1', port: nextPort++ }
          const made = anInstance({ ...own, ...fields })
          instances.push(made)
          return made
        },
        configKey(fields = {}) {
          const made: ConfigKey = { namespace: '', group: 'DEFAULT_GROUP', dataId: unique('contract'), ...fields }
          configs.push(made)
          return made
        },
        eventually: (key, check) => soon(async () => check(await raw.hosts(key))),
      })
    })
  }
}

function skipReason(target: ContractTarget, { skip = [], needs = [] }: TestOptions): string | undefined {
  const names: readonly (string | undefined)[] = [target.kind, target.apiVersion, target.client]
  const declared = skip.find(({ server, client = target.client }) => names.includes(server) && client === target.client)
  if (declared) return `${declared.server}: ${declared.reason}`
  const { capabilities } = target
  for (const need of needs) {
    const has = {
      v1: capabilities.v1,
      v3: capabilities.v3,
      instanceUpdate: capabilities.instanceUpdate !== undefined,
      configWrite: capabilities.configWrite !== undefined,
      clientWrite: target.apiVersion === 'v1' ? capabilities.configWrite === 'v1' : capabilities.v3Admin,
      listener: capabilities.v1,
      grpc: capabilities.grpc,
      auth: target.auth !== undefined,
      shortToken: target.auth !== undefined && target.auth.tokenTtlMs <= LONGEST_TTL_MS,
      noAuth: target.auth === undefined,
      beat: target.client === undefined,
      login: target.auth !== undefined && target.client === undefined,
      lightBeat: capabilities.lightBeat,
      checksLease: capabilities.checksLease,
      oneKind: capabilities.oneKind,
      keepsDisabled: capabilities.keepsDisabled,
      configType: capabilities.configType,
    }[need]
    if (!has) return `${target.name}: ${LACKS[need]}`
  }
  return undefined
}
