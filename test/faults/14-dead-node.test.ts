import { expect, test, vi, type TestContext } from 'vitest'
import { createRegistrar } from '../../src/registration/registrar.js'
import { collectLog } from '../support/collect.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { pausedSince } from '../support/pauses.js'
import { anInstance, openNacos, registrySettings } from '../support/transport.js'
import { duration } from '../support/scale.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'

const INTERVAL_MS = duration(10_000, 2_000)
const BEAT_TIMEOUT_MS = duration(2_000, 400)
/** 12.5 s at an interval of 10 s: the time-out of one beat, and half a second; less than with a beat left out. */
const LONGEST_GAP_MS = INTERVAL_MS + BEAT_TIMEOUT_MS + duration(500, 1_400)

/** Three nodes behind a proxy each, and a note of every beat that reached one. */
async function cluster({ onTestFinished }: TestContext) {
  const beats: number[] = []
  const nodes = await Promise.all(
    [1, 2, 3].map(async () => {
      const server = await startScriptedRegistry()
      onTestFinished(() => server.close())
      server.on('POST /nacos/v1/ns/instance', { body: 'ok' })
      server.on('DELETE /nacos/v1/ns/instance', { body: 'ok' })
      server.on('PUT /nacos/v1/ns/instance/beat', ({ atMs }) => {
        beats.push(atMs)
        return { body: { clientBeatInterval: 5000, code: 10200, lightBeatEnabled: true } }
      })
      const proxy = await startFaultProxy(server)
      onTestFinished(() => proxy.close())
      return proxy
    }),
  )
  return { nodes, beats }
}

test.concurrent.for(['hang', 'refuse', 'reset'] as const)(
  'fault 14: one of three registry nodes goes dead (%s): the longest gap between beats is 12.5 s at 10 s',
  async (how, context) => {
    const { onTestFinished } = context
    const { nodes, beats } = await cluster(context)
    const addresses = nodes.map(({ host, port }) => `${host}:${port}`)
    const settings = registrySettings(
      addresses.join(','),
      {
        beatTimeout: BEAT_TIMEOUT_MS,
        discovery: {
          heartBeatInterval: INTERVAL_MS,
          heartBeatTimeout: 3 * INTERVAL_MS,
          ipDeleteTimeout: 9 * INTERVAL_MS,
        },
      },
      { push: 'off' },
    )
    const transport = openNacos(settings, collectLog(), onTestFinished)
    const registrar = createRegistrar({
      transport,
      instance: anInstance(),
      settings: settings.cloud.nacos.discovery,
      sidecar: settings.sidecar,
      logger: collectLog(),
      emit: () => {},
    })
    onTestFinished(() => registrar.deregister())
    await registrar.register()

    const beaten = (times: number) =>
      vi.waitFor(() => expect(beats.length).toBeGreaterThanOrEqual(times), {
        timeout: (times + 1) * LONGEST_GAP_MS,
        interval: 50,
      })
    await beaten(2)
    const node = nodes[addresses.indexOf(transport.describe().server)]!
    await (how === 'refuse' ? node.set(how) : node.set(how))
    await beaten(5)
    const gaps = beats.slice(1).map((at, index) => at - beats[index]!)
    expect(Math.max(...gaps) - pausedSince(beats[0]!)).toBeLessThan(LONGEST_GAP_MS)
    // And it stays with a node that is well: only one gap is longer than the interval.
    expect(gaps.filter((gap) => gap > INTERVAL_MS + BEAT_TIMEOUT_MS / 2).length).toBeLessThanOrEqual(1)
  },
)
