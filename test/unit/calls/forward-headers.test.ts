import { createSidecar, runWithContext } from 'nacos-sidecar'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadError } from '../../support/bootstrap.js'
import { callStyles, typedCall } from '../../support/call-styles.js'
import { collectLog } from '../../support/collect.js'
import { frameworks } from '../../support/frameworks.js'
import { instance, startMesh, startProvider } from '../../support/mesh.js'
import { testRegistry } from '../../support/registry.js'

const styles = Object.entries(callStyles)
const headers = { 'x-tenant-id': 'blue', 'accept-language': 'zh-CN', baggage: 'user=7' }

describe('forward-headers', () => {
  test.each(styles)('are sent to a service by its name: %s', async (_, open) => {
    const mesh = startMesh({})
    const provider = await startProvider()
    mesh.registry.set('shop', instance('shop', provider.port))
    await runWithContext({ headers }, () => open('shop')('GET', '/x'))
    expect(provider.seen[0]!.headers).toMatchObject(headers)
  })

  test.each(styles)('never to a fixed URL that is not trusted: %s', async (_, open) => {
    const { origin: url, seen } = await startProvider()
    startMesh({ feign: { client: { plain: { url }, trusted: { url, forwardContext: true } } } })
    await runWithContext({ headers }, () => open('plain')('GET', '/x'))
    await runWithContext({ headers }, () => open('trusted')('GET', '/x'))
    expect(seen.map((one) => one.headers['x-tenant-id'])).toEqual([undefined, 'blue'])
  })

  test('a header of the call itself wins, and what is no header text is left out', async () => {
    const mesh = startMesh({})
    const provider = await startProvider()
    mesh.registry.set('shop', instance('shop', provider.port))
    const call = typedCall('shop', { headers: { 'X-Tenant-Id': 'own' } })
    await runWithContext({ headers: { ...headers, 'x-lang': 'fr\r\nx-injected: 1', 'x-latin': 'caf\u00e9' } }, () =>
      call('GET', '/x'),
    )
    const seen = provider.seen[0]!.headers
    expect(seen).toMatchObject({ 'x-tenant-id': 'own', 'x-latin': 'caf\u00e9', baggage: 'user=7' })
    expect(seen).not.toHaveProperty('x-lang')
    expect(seen).not.toHaveProperty('x-injected')
  })

  test.each(frameworks)(
    '$name: those that are named travel from a request to the calls of its handler',
    async ({ create }) => {
      const registry = await testRegistry()
      const seen: string[] = []
      await registry.stub('shop', (request, response) => {
        seen.push(`${request.headers['x-tenant-id']} ${request.headers['baggage']} ${request.headers['x-other']}`)
        response.setHeader('content-type', 'application/json').end('{}')
      })
      const { app, route, listen } = create()
      route('GET', '/', async () => {
        await sidecar.fetch('http://shop/x').then((response) => response.text())
        await sidecar.axios.get('http://shop/x')
        return {}
      })
      const settings = registry.settings({
        'sidecar.forward-headers': 'X-Tenant-Id, baggage',
        'cloud.nacos.discovery.register-enabled': false,
      })
      const sidecar = createSidecar({ app, configPath: false, settings, signals: false, logger: collectLog() })
      onTestFinished(() => sidecar.stop({ drain: false }))
      const { url, close } = await listen()
      onTestFinished(close)
      expect((await fetch(url, { headers: { ...headers, 'x-other': 'no' } })).status).toBe(200)
      expect(seen).toEqual(['blue user=7 undefined', 'blue user=7 undefined'])
    },
  )

  test.each(['host', 'Content-Length', 'a b', 'traceparent', 'authorization'])('%s cannot be one', (name) => {
    const { message } = loadError(`sidecar.forward-headers: ["${name}"]`)
    expect(message).toContain(`expected names of headers that can be sent on; ${name.toLowerCase()} cannot`)
  })
})
