import { expect, it, onTestFinished, vi } from 'vitest'
import { createServiceDirectory } from '../../../src/discovery/directory.js'
import { createTransport } from '../../../src/nacos/connect.js'
import { connectionOf } from '../../../src/settings/connection.js'
import { collectLog } from '../../support/collect.js'
import { registrySettings } from '../../support/transport.js'
import { startScriptedRegistry } from '../../support/scripted-registry.js'
import { host, startScriptedServer } from '../../support/scripted-grpc-server.js'

const V1_LIST = 'GET /nacos/v1/ns/instance/list'
const V3_LIST = 'GET /nacos/v3/client/ns/instance/list'

/** What a sidecar has between itself and a registry; `v3` is a Nacos 3 without v1 whose list holds one cluster. */
async function setUp({
  v3 = false,
  grpc = true,
  push = 'auto',
}: {
  v3?: boolean
  grpc?: boolean
  push?: 'auto' | 'off'
}) {
  const http = await startScriptedRegistry()
  onTestFinished(() => http.close())
  const nacos = await startScriptedServer()
  onTestFinished(() => nacos.close())
  nacos.setHosts('orders', [host(9001, { clusterName: 'HZ' })])
  const hosts = [{ ip: '10.0.0.1', port: 9001, clusterName: 'HZ' }]
  if (v3)
    http.on(V3_LIST, ({ query }) => ({
      body: { code: 0, data: query.get('clusterName')?.includes('HZ') ? hosts : [] },
    }))
  else http.on(V1_LIST, { body: { hosts } })

  const settings = registrySettings(
    http.address,
    { apiVersion: 'auto' },
    {
      ...{ pollInterval: 50, push },
      // The port beside the scripted one is free.
      ...(grpc && { grpcPort: nacos.port }),
    },
  )
  const logger = collectLog()
  const connection = connectionOf(settings.cloud.nacos, 'discovery')
  const transport = createTransport({ connection, settings, logger, registers: true })
  onTestFinished(() => transport.close())
  const directory = createServiceDirectory({
    ...{ transport, namespace: '', group: 'DEFAULT_GROUP', settings: settings.sidecar, logger, emit: () => {} },
  })
  onTestFinished(() => directory.close())
  return { http, nacos, transport, directory, logger, status: () => directory.status()[0]! }
}

it('R1: a Nacos 3 without v1 is asked over gRPC from the first list on', async () => {
  const { directory, http, status } = await setUp({ v3: true })
  const { instances } = await directory.get('orders')
  expect(instances).toMatchObject([{ port: 9001, cluster: 'HZ' }])
  // Asked until it has said that it is not there.
  expect(http.seen(V1_LIST).length).toBeLessThan(4)
  await vi.waitFor(() => expect(status().by).toBe('push'))
})

it('R1: a list that gRPC brought outlives it, and is not emptied by a list of one cluster', async () => {
  const { directory, nacos, transport, status } = await setUp({ v3: true })
  await directory.get('orders')
  await vi.waitFor(() => expect(transport.describe().by).toBe('push'))
  await nacos.close()
  await vi.waitFor(() => expect(transport.describe()).toMatchObject({ by: 'poll', clusters: ['DEFAULT', 'HZ'] }), 8_000)
  expect(status()).toMatchObject({ callable: 1, by: 'poll', heldEmpty: false })
})

it.each([{ push: 'off' as const }, { grpc: false }])(
  'R1: without gRPC (%j), what one cluster lacks is an error and no empty list',
  async (how) => {
    const { directory, http, logger, status } = await setUp({ v3: true, ...how })
    await expect(directory.get('orders')).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNSUPPORTED' })
    expect(directory.peek('orders')).toBeUndefined()
    expect(status()).toMatchObject({ by: 'poll', callable: 0 })
    expect(status().failures).toBeGreaterThan(0)
    expect(status().lastError).toMatch(/watch-clusters/)
    // It is found as soon as it is seen.
    http.on(V3_LIST, { body: { code: 0, data: [{ ip: '10.0.0.1', port: 9001, clusterName: 'DEFAULT' }] } })
    await vi.waitFor(() => expect(status()).toMatchObject({ callable: 1, failures: 0 }), 5_000)
    expect(logger.lines.filter((line) => line.includes('only the clusters that a request names'))).toHaveLength(1)
  },
)

it('R13: status says by what changes really come', async () => {
  const pushed = await setUp({})
  await pushed.directory.get('orders')
  await vi.waitFor(() => expect(pushed.status().by).toBe('push'), 5_000)
  for (const how of [{ grpc: false }, { push: 'off' as const }]) {
    const { directory, http, status } = await setUp(how)
    await directory.get('orders')
    await vi.waitFor(() => expect(http.seen(V1_LIST).length).toBeGreaterThan(2), 5_000)
    expect(status()).toMatchObject({ by: 'poll', failures: 0 })
  }
})

it.each([{ grpc: false }, { push: 'off' as const }])(
  'R13: failures are counted in an outage, and gone after it: %j',
  async (how) => {
    const { directory, http, status, logger } = await setUp(how)
    await directory.get('orders')
    await vi.waitFor(() => expect(http.seen(V1_LIST).length).toBeGreaterThan(2), 5_000)
    let down = true
    http.on(V1_LIST, () => (down ? { status: 500, body: 'down' } : undefined))
    await vi.waitFor(() => expect(status().failures).toBeGreaterThan(1), 8_000)
    expect(status()).toMatchObject({ callable: 1, by: 'poll' })
    expect(status().lastError).toMatch(/HTTP 500/)
    down = false
    await vi.waitFor(() => expect(status().failures).toBe(0), 8_000)
    expect(status().lastError).toBeUndefined()
    expect(logger.lines.filter((line) => line.startsWith('error'))).toEqual([])
  },
)
