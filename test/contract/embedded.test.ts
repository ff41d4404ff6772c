import { afterAll, describe } from 'vitest'
import { startDevServer, type DevServerOptions } from '../../src/dev-server/index.js'
import { EMBEDDED_TIMINGS, type ApiVersion, type Capabilities, type ContractTarget } from './support/target.js'
import { wholeContract } from './suites/whole.js'

/** Long enough to outlast a slow test run between two calls, short enough to wait for. */
const TOKEN_TTL_SECONDS = 2

const V1: Capabilities = { v1: true, v3: false, instanceUpdate: 'v1', configWrite: 'v1' }
const V3: Capabilities = { v1: false, v3: true, instanceUpdate: 'v3-admin', configWrite: 'v3-admin' }

// As a Nacos 2.x, as a Nacos 3.2 that has lost v1, and as the default that speaks both.
await embedded('as 2.x', 'v1', V1, { apis: ['v1'] })
await embedded('as 3.2', 'v3', V3, { apis: ['v3'] })
await embedded('both, v3', 'v3', { ...V1, v3: true }, {})
const auth = { username: 'contract', password: 'contract-password', tokenTtlSeconds: TOKEN_TTL_SECONDS }
await embedded('as 2.x with auth', 'v1', V1, { apis: ['v1'], auth })
await embedded('as 3.2 with auth', 'v3', V3, { apis: ['v3'], auth })

async function embedded(label: string, apiVersion: ApiVersion, capabilities: Capabilities, options: DevServerOptions) {
  const shortestHoldMs = 1_000
  const registry = await startDevServer({ tickMs: 50, listener: { shortestHoldMs }, ...options })
  const target: ContractTarget = {
    name: `embedded ${label}`,
    kind: 'embedded',
    server: registry.address,
    apiVersion,
    capabilities,
    timings: { ...EMBEDDED_TIMINGS, shortestHoldMs },
    ...(options.auth && { auth: { ...auth, tokenTtlMs: TOKEN_TTL_SECONDS * 1_000 } }),
  }
  describe(target.name, () => {
    afterAll(() => registry.stop())
    wholeContract(target)
  })
}
