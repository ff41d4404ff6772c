import { describe, expect, it, onTestFinished } from 'vitest'
import { sample } from '../support/scale.js'
import { startProvider } from '../support/mesh.js'
import { alerts, quietSidecar } from '../support/member.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'

const BALANCERS = ['round-robin', 'random', 'least-pending', 'consistent-hash', 'same-cluster-first']
/** As text, for `JSON.stringify` writes no 1e999. */
const WEIGHTS = ['1e308', '1e999', '-1e999', '-5', '1e-320', '"1e308"', '"x"', '"NaN"', 'null', '[]', '{}', 'true', '0']

/** A registry whose list of `demo` is `hosts`, written out. */
async function listing(hosts: readonly string[], settings: Record<string, unknown> = {}) {
  const registry = await startScriptedRegistry()
  onTestFinished(() => registry.close())
  let current = hosts
  registry.on('GET /nacos/v1/ns/instance/list', () => ({ body: `{"hosts":[${current.join(',')}]}` }))
  const sidecar = quietSidecar(registry.address, {
    'sidecar.push': 'off',
    'sidecar.poll-interval': 50,
    'cloud.nacos.config.enabled': false,
    ...settings,
  })
  return { sidecar, list: (next: readonly string[]) => void (current = next) }
}

const host = (port: number | string, weight = '1', ip = '127.0.0.1') =>
  `{"ip":${JSON.stringify(ip)},"port":${port},"weight":${weight},"healthy":true,"enabled":true}`

describe('attack: an instance that any client may register', () => {
  const pairs = BALANCERS.flatMap((balancer) => WEIGHTS.map((weight) => [balancer, weight] as const))
  // 3 and the number of weights have no common factor: the sample has each balancer, and each weight.
  it.each(sample(pairs, 3))('R12: one absurd weight takes no service away: %s, %s', async (balancer, weight) => {
    const healthy = await startProvider()
    const odd = await startProvider()
    const { sidecar } = await listing([host(healthy.port), host(odd.port, weight)], { 'sidecar.balancer': balancer })
    const [own, other] = await Promise.all([
      sidecar.fetch('http://demo/').then((answer) => answer.status),
      sidecar.discovery.instances('demo'),
    ])
    expect(own).toBe(200)
    for (const { weight: read } of other) expect(read).toSatisfy((value: number) => value > 0 && value <= 10_000)
    expect(other.some(({ port }) => port === healthy.port)).toBe(true)
    for (let call = 0; call < 20; call++) expect((await sidecar.fetch('http://demo/')).status).toBe(200)
    expect(alerts(sidecar)).toEqual([])
  })

  it('R12: an absurd weight that comes later neither stops calls nor freezes the list', async () => {
    const [one, two] = [await startProvider(), await startProvider()]
    const { sidecar, list } = await listing([host(one.port)])
    expect((await sidecar.fetch('http://demo/')).status).toBe(200)
    list([host(one.port), host(two.port, '1e308')])
    for await (const { instances } of sidecar.discovery.watch('demo')) if (instances.length === 2) break
    for (let call = 0; call < 20; call++) await sidecar.fetch('http://demo/')
    expect(two.seen.length).toBeGreaterThan(0)
  })

  it.each(['fe80::1%eth0', '256.1.1.1', '1.2.3.4.5', '127.1', 'svc.1', '1::2::3', '[::1]', '127.0.0.1%0d'])(
    'R12: an address of which no URL can be made costs no call: %s',
    async (ip) => {
      const { port } = await startProvider()
      const { sidecar } = await listing([host(port), host(port, '1', ip)])
      for (let call = 0; call < 4; call++) expect((await sidecar.fetch('http://demo/')).status).toBe(200)
      expect(alerts(sidecar)).toEqual([expect.stringMatching(/lists 1 of DEFAULT_GROUP@@demo .*cannot be called/)])
    },
  )

  it('R12: addresses that cannot be called are left out with one warning', async () => {
    const { port } = await startProvider()
    const bad = [host(70_000), host(-1), host('1e999'), host(0.5), host(port, '1', ''), host(port, '1', 'a b/\\n')]
    const { sidecar, list } = await listing([host(port), ...bad])
    expect((await sidecar.discovery.instances('demo')).map((instance) => instance.port)).toEqual([port])
    for (let call = 0; call < 5; call++) expect((await sidecar.fetch('http://demo/')).status).toBe(200)
    list([host(port, '2'), ...bad])
    for await (const { changed } of sidecar.discovery.watch('demo')) if (changed.length > 0) break
    expect(alerts(sidecar)).toEqual([expect.stringMatching(/lists 6 of DEFAULT_GROUP@@demo .*cannot be called/)])
  })
})
