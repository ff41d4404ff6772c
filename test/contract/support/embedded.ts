import { startDevServer } from 'nacos-sidecar/dev-server'
import type { DevServerOptions } from 'nacos-sidecar/testing'
import { afterAll, describe } from 'vitest'
import { EMBEDDED_TIMINGS, type ApiVersion, type Capabilities, type ContractTarget } from './target.js'

export type EmbeddedApis = 'v1' | 'v3' | 'both'

const HABITS = {
  ...{ lightBeat: true, emptyPages: true, checksLease: true, oneKind: true, keepsDisabled: true, configType: true },
}

const CAPABILITIES: Record<EmbeddedApis, Capabilities> = {
  v1: {
    ...HABITS,
    v1: true,
    v3: false,
    instanceUpdate: 'v1',
    configWrite: 'v1',
    v3Admin: false,
    grpc: false,
    sdk: true,
  },
  v3: {
    ...{ v1: false, v3: true, instanceUpdate: 'v3-admin', configWrite: 'v3-admin', v3Admin: true },
    ...{ ...HABITS, grpc: false, sdk: false },
  },
  both: {
    ...HABITS,
    v1: true,
    v3: true,
    instanceUpdate: 'v1',
    configWrite: 'v1',
    v3Admin: true,
    grpc: false,
    sdk: true,
  },
}

const USER = { username: 'contract', password: 'contract-password' }

export interface EmbeddedTarget extends Pick<ContractTarget, 'client'> {
  readonly apis: EmbeddedApis
  readonly apiVersion: ApiVersion
  readonly auth?: boolean
  /** What its v3 list holds that names no cluster. @default what the registry does */
  readonly listWithoutCluster?: DevServerOptions['listWithoutCluster']
  /** Short, so that the suites see a token run out. @default 3 */
  readonly tokenTtlSeconds?: number
  /** For tests that have names and connections of their own and wait for most of their time. */
  readonly concurrent?: boolean
}

/** Starts the embedded registry as the server with these APIs, with Nacos's rules at a quicker pace. */
export async function onEmbedded(
  {
    apis,
    apiVersion,
    client,
    auth = false,
    tokenTtlSeconds = 3,
    concurrent = false,
    listWithoutCluster,
  }: EmbeddedTarget,
  body: (target: ContractTarget) => void,
): Promise<void> {
  const options: DevServerOptions = {
    tickMs: 50,
    listener: { shortestHoldMs: 1_000 },
    ...(apis !== 'both' && { apis: [apis] }),
    ...(auth && { auth: { ...USER, tokenTtlSeconds } }),
    ...(listWithoutCluster && { listWithoutCluster }),
  }
  const registry = await startDevServer(options)
  const target: ContractTarget = {
    name: `embedded (${apis}${listWithoutCluster ? `, lists ${listWithoutCluster}` : ''}), ${client ?? apiVersion}${auth ? ', with auth' : ''}`,
    kind: 'embedded',
    server: registry.address,
    apiVersion,
    ...(client && { client }),
    // Declared, not probed: what the embedded registry lacks must fail.
    capabilities: CAPABILITIES[apis],
    timings: { ...EMBEDDED_TIMINGS, shortestHoldMs: 1_000 },
    ...(auth && { auth: { ...USER, tokenTtlMs: tokenTtlSeconds * 1_000 } }),
  }
  const group = concurrent ? describe.concurrent : describe
  group(target.name, () => {
    afterAll(() => registry.stop())
    body(target)
  })
}
