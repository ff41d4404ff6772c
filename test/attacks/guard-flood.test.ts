import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import express from 'express'
import { createSidecar } from 'nacos-sidecar'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createGuard } from '../../src/auth/guard.js'
import { collectGarbage } from '../support/cost.js'
import { sendRaw, serve } from '../support/frameworks.js'
import { authSettings, incoming } from '../support/auth-service.js'
import { duration } from '../support/scale.js'
import { collectLog } from '../support/collect.js'

const PIPELINED = duration(2_000, 500)
const TOKENS = duration(4_000, 2_000)

describe('attack: made-up tokens without end', () => {
  it('G3: one connection takes neither the sockets nor the places of others', async () => {
    const held: ServerResponse[] = []
    let most = 0
    const service = createServer((_request, response) => void held.push(response))
    service.on('connection', () => service.getConnections((_error, count) => void (most = Math.max(most, count))))
    const auth = await serve(service)
    const app = express()
    app.get('/{*any}', (_request, response) => void response.send('ran'))
    const lines: string[] = []
    const log = (line: string) => void lines.push(line)
    const sidecar = createSidecar({
      app,
      configPath: false,
      signals: false,
      logger: { debug: log, info: log, warn: log, error: log },
      settings: {
        auth: { enabled: true, service: auth.url, timeout: 60_000, 'max-pending': 40 },
        'cloud.nacos.discovery.enabled': false,
        'cloud.nacos.config.enabled': false,
      },
    })
    const running = await serve(createServer(app))
    onTestFinished(async () => {
      await sidecar.stop({ drain: false })
      await Promise.all([running.close(), auth.close()])
    })

    const flood = connect(running.port, '127.0.0.1')
    onTestFinished(() => void flood.destroy())
    flood.on('error', () => {})
    const one = (token: string) => `GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`
    flood.write(Array.from({ length: PIPELINED }, (_, index) => one(`made-up-${index}`)).join(''))
    // The first 20 are asked about; what comes later has an answer already, behind theirs.
    while (held.length < 20) await once(service, 'request')
    await sendRaw(
      running.port,
      one('x').replace('GET /x', 'GET /health').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
    ).then(({ status }) => expect(status).toBe(200))
    const good = fetch(`${running.url}/x`, { headers: { authorization: 'Bearer good' } })
    while (held.length < 21) await once(service, 'request')
    held.at(-1)!.end(JSON.stringify({ data: true }))
    expect((await good).status).toBe(200)
    expect(held).toHaveLength(21)
    expect(most).toBeLessThanOrEqual(40)
    expect(lines.filter((line) => line.includes('auth.max-pending'))).toHaveLength(1)

    const chunks: Buffer[] = []
    flood.on('data', (chunk: Buffer) => chunks.push(chunk))
    for (const response of held.slice(0, 20)) response.end(JSON.stringify({ data: false }))
    const text = () => Buffer.concat(chunks).toString('latin1')
    while (!/503[^]*retry-after: 1/i.test(text())) await once(flood, 'data')
    expect(text().match(/HTTP\/1.1 403/g)).toHaveLength(20)
  })

  it('G3: sockets to an auth service by URL are bounded, however many checks are allowed', async () => {
    let open = 0
    let most = 0
    const service = createServer((_request, response) => {
      most = Math.max(most, ++open)
      setImmediate(() => {
        open--
        response.end(JSON.stringify({ data: true }))
      })
    })
    let sockets = 0
    service.on('connection', () => sockets++)
    const auth = await serve(service)
    const sidecar = createSidecar({
      configPath: false,
      signals: false,
      logger: collectLog(),
      settings: {
        auth: { enabled: true, mount: 'manual', service: auth.url, timeout: 60_000, 'max-pending': 10_000 },
        'cloud.nacos.discovery.enabled': false,
        'cloud.nacos.config.enabled': false,
      },
    })
    onTestFinished(async () => {
      await sidecar.stop({ drain: false })
      await auth.close()
    })
    const checks = Array.from({ length: duration(1_000, 300) }, (_, index) =>
      sidecar.check(incoming('/', { authorization: `Bearer ${index}` })),
    )
    expect((await Promise.all(checks)).every(({ allowed }) => allowed)).toBe(true)
    expect(most).toBeLessThanOrEqual(64)
    expect(sockets).toBeLessThanOrEqual(64)
  })

  it('G9: thousands of refused tokens of 8 KB hold no memory to speak of, and are gone within a second', async () => {
    let now = 0
    const guard = createGuard({
      settings: authSettings({ cacheTtl: 600_000, service: undefined }),
      verify: () => 401,
      logger: collectLog(),
      now: () => now,
    })
    const check = (index: number) =>
      guard.check(incoming('/', { cookie: `other=${'x'.repeat(8_000)}; token=${index}-${'t'.repeat(8_000)}` }))
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    for (let index = 0; index < TOKENS; index++) await check(index)
    collectGarbage()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 * 1024)
    now = 1_000
    const again = check(TOKENS - 1)
    expect(again).toBeInstanceOf(Promise)
    await again
  })

  it('G9: nor do permitted ones, even where each is cut out of a long header', async () => {
    const guard = createGuard({
      settings: authSettings({ cacheTtl: 600_000, service: undefined }),
      verify: () => true,
      logger: collectLog(),
    })
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    for (let index = 0; index < TOKENS; index++) {
      const token = `${index}-${'t'.repeat(20)}`
      await guard.check(
        incoming(`/${index}?${'q'.repeat(8_000)}`, { cookie: `a=${'x'.repeat(8_000)}; token=${token}` }),
      )
    }
    collectGarbage()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 * 1024)
  })
})
