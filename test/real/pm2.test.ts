import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { DevServer } from 'nacos-sidecar/testing'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { ownPort } from '../support/own-port.js'
import { observer } from '../support/member.js'
import { devRegistry } from '../support/registry.js'
import { freePort } from './servers/free-ports.js'
import { replaceIn } from './servers/nginx.js'
import { pm2Packages, startPm2, type Pm2 } from './servers/pm2.js'
import { cannotBeHad } from './support/on-server.js'
import { builtOrders, DEPLOY } from './support/orders.js'
import { missingOf } from './support/setup.js'
import { plainSend, steadyLoad, type Send } from './support/steady-load.js'

const missing = await pm2Packages().then(() => undefined, missingOf)

describe('examples/deploy/pm2', () => {
  if (missing) return cannotBeHad(missing)
  let folder: string
  beforeAll(async () => void (folder = await builtOrders(afterAll)))

  /** What left the registry, by a request or by silence. */
  function departures(registry: DevServer): string[] {
    const seen: string[] = []
    for (const event of ['deregister', 'expire'] as const)
      registry.on(event, ({ instance }) => seen.push(`${event} ${instance.port}`))
    return seen
  }

  const listed = (registry: DevServer) =>
    registry
      .services()
      .flatMap(({ instances }) => instances.map(({ port }) => port))
      .sort()

  async function startAs(file: string, port: number, registry: DevServer): Promise<Pm2> {
    cpSync(join(DEPLOY, 'pm2', file), join(folder, file))
    replaceIn(join(folder, file), 'PORT: 9202', `PORT: ${port}`)
    const pm2 = await startPm2(folder, { NACOS_SERVER: registry.address, NACOS_SERVICE_IP: '127.0.0.1' })
    onTestFinished(() => pm2.stop())
    return pm2
  }

  /** The processes as `pm2 jlist` has them. */
  async function online(pm2: Pm2): Promise<number[]> {
    const text = await pm2.command('jlist')
    const list = JSON.parse(text.slice(text.indexOf('['))) as { pid: number; pm2_env: { status: string } }[]
    return list.filter(({ pm2_env }) => pm2_env.status === 'online').map(({ pid }) => pid)
  }

  test(
    'cluster mode: two reloads, one registration that is never lost, 0 of 50,000 requests fail',
    { timeout: 400_000 },
    async () => {
      const registry = await devRegistry()
      const port = await ownPort()
      const left = departures(registry)
      const file = 'ecosystem.config.cjs'
      const pm2 = await startAs(file, port, registry)
      replaceIn(join(folder, file), `'max'`, '3')
      await pm2.command('start', file)
      // `wait_ready`: it was told by the sidecar, which had registered.
      expect(listed(registry)).toEqual([port])
      const first = await online(pm2)
      expect(first).toHaveLength(3)

      const url = `http://127.0.0.1:${port}`
      const load = steadyLoad([plainSend(url), plainSend(url, { keepAlive: false })])
      await load.reached(1_000)
      for (let reload = 0; reload < 2; reload++) {
        await pm2.command('reload', 'orders')
        expect(listed(registry)).toEqual([port])
      }
      await load.reached(50_000)
      const last = await online(pm2)
      await load.stop()
      expect(load.seen.failed).toEqual([])
      expect(last.filter((pid) => first.includes(pid))).toEqual([])
      expect([...load.seen.pids]).toEqual(expect.arrayContaining([...first, ...last]))
      expect(left).toEqual([])

      // The last one to go takes the registration along.
      await pm2.command('delete', 'orders')
      expect(left).toEqual([`deregister ${port}`])
    },
  )

  test('fork mode: a reload, one after the other, 0 of 50,000 calls by name fail', { timeout: 400_000 }, async () => {
    const registry = await devRegistry()
    const ports = await freePort([1, 2]).then((port) => [port, port + 1, port + 2])
    const pm2 = await startAs('fork.config.cjs', ports[0]!, registry)
    await pm2.command('start', 'fork.config.cjs')
    expect(listed(registry)).toEqual(ports)
    const first = await online(pm2)

    const caller = await observer({ 'cloud.nacos.server-addr': registry.address })
    const byName: Send = async (method, path, body) => {
      const headers = { 'content-type': 'application/json' }
      const response = await caller.fetch(`http://orders${path}`, {
        method,
        ...(body !== undefined && { body, headers }),
      })
      return { status: response.status, text: await response.text() }
    }
    const load = steadyLoad([byName])
    await load.reached(1_000)
    const left = departures(registry)
    await pm2.command('reload', 'orders', '--parallel', '1')
    await load.reached(50_000)
    const last = await online(pm2)
    await load.stop()
    expect(load.seen.failed).toEqual([])
    expect(last.filter((pid) => first.includes(pid))).toEqual([])
    expect([...load.seen.pids]).toEqual(expect.arrayContaining([...first, ...last]))
    // Each left by a request before it ended.
    expect(left).toEqual(ports.map((port) => `deregister ${port}`))
    expect(listed(registry)).toEqual(ports)
  })
})
