import type { ServiceInstance } from 'nacos-sidecar'
import type { DevServerOptions } from 'nacos-sidecar/testing'
import { afterAll, expect, test, vi, type TestContext } from 'vitest'
import { killChildren, startChild } from '../support/child.js'
import { startRegistryProcess } from '../support/registry.js'
import { bound, duration, elapsed } from '../support/scale.js'
import { tempFolder } from '../support/temp-folder.js'

const APP = new URL('../fixtures/apps/framework-app.mjs', import.meta.url)
const BEAT = duration(10_000, 3_000)
afterAll(killChildren)

/** An app with everything a registration can carry. */
function startApp({ onTestFinished }: TestContext, address: string, enabled: boolean) {
  const files = {
    'bootstrap.yml': `
application.name: orders
cloud.nacos:
  server-addr: ${address}
  discovery:
    ip: 127.0.0.1
    weight: 2.5
    cluster-name: HZ
    instance-enabled: ${enabled}
    metadata: { zone: 杭州, version: "1.10" }
    heart-beat-interval: ${BEAT}
sidecar.drain: 0
server.port: 0
`,
  }
  return startChild(APP, { cwd: tempFolder(files, onTestFinished), env: { FRAMEWORK: 'koa3' } })
}

const V1: DevServerOptions['apis'] = ['v1']
const V3: DevServerOptions['apis'] = ['v3']

test.concurrent.for([
  { apis: V1, enabled: true },
  { apis: V1, enabled: false },
  { apis: V3, enabled: true },
])(
  'fault 3: registry ($apis) restarts empty: registered again, complete, enabled: $enabled',
  async ({ apis, enabled }, context) => {
    const first = await startRegistryProcess({ apis })
    const app = startApp(context, first.address, enabled)
    await app.message('registered')
    const [before] = await first.instances('orders')
    expect(before).toMatchObject({
      ip: '127.0.0.1',
      weight: 2.5,
      cluster: 'HZ',
      enabled,
      metadata: { zone: '杭州', version: '1.10', 'preserved.heart.beat.interval': String(BEAT) },
    })

    await first.child.kill()
    // Its long poll breaks, or a beat: from here on it looks for the registry.
    await app.line('fails: ')
    await new Promise((resolve) => setTimeout(resolve, duration(30_000, 1_500)))
    const second = await startRegistryProcess({ apis, port: first.port })
    const back = performance.now()
    const list = () => second.instances('orders')
    await vi.waitFor(async () => expect(await list()).toHaveLength(1), { timeout: 2 * bound(5_000), interval: 20 })
    expect(elapsed(back)).toBeLessThan(bound(5_000))
    expect(await list()).toEqual([before])

    // And so it stays: no later beat undoes it.
    await new Promise((resolve) => setTimeout(resolve, BEAT + 500))
    expect(await list()).toEqual([before])
    app.signal('SIGTERM')
    await app.exited
    expect(await list()).toEqual([])
    expect(app.messages.map(({ type }) => type)).not.toContain('unhandledRejection')
  },
)

test.concurrent('fault 3: restarted between two requests: registered again at the next heartbeat', async (context) => {
  const first = await startRegistryProcess({ apis: V1 })
  const app = startApp(context, first.address, true)
  await app.message('registered')
  const [before] = (await first.instances('orders')) as [ServiceInstance]
  await first.child.kill()
  const second = await startRegistryProcess({ apis: V1, port: first.port })
  const back = performance.now()
  await vi.waitFor(async () => expect(await second.instances('orders')).toEqual([before]), 2 * (BEAT + bound(1_500)))
  expect(elapsed(back)).toBeLessThan(BEAT + bound(1_500))
})
