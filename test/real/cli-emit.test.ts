import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createProgram } from '../../src/cli/program.js'
import { createSidecar } from 'nacos-sidecar'
import { events } from 'nacos-sidecar/events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { restoreProcessAfterEach } from '../support/command-in-process.js'
import { collectLog } from '../support/collect.js'
import { devRegistry, form } from '../support/registry.js'
import { tempFolder } from '../support/temp-folder.js'
import { rabbitmqPrograms, startRabbitmq, type Rabbitmq } from './servers/rabbitmq.js'
import { cannotBeHad } from './support/on-server.js'
import { missingOf } from './support/setup.js'

const missing = await rabbitmqPrograms().then(() => undefined, missingOf)

describe('nacos-sidecar emit, with RabbitMQ', () => {
  if (missing) return cannotBeHad(missing)
  let rabbit: Rabbitmq
  beforeAll(async () => void (rabbit = await startRabbitmq()), 120_000)
  afterAll(() => rabbit?.stop())
  restoreProcessAfterEach()

  async function cli(...args: string[]) {
    const out: string[] = []
    vi.spyOn(console, 'log').mockImplementation((text: string) => void out.push(text))
    await createProgram('0.0.0').parseAsync(args, { from: 'user' })
    return out.join('\n')
  }

  /** A service that takes what is sold, and a folder whose settings in Nacos name the broker. */
  async function listening() {
    const registry = await devRegistry()
    const content = `spring.rabbitmq: { host: 127.0.0.1, port: ${rabbit.port}, username: guest, password: guest }`
    await form(registry, 'POST', '/v1/cs/configs', { dataId: 'shop.yml', group: 'DEFAULT_GROUP', content })
    const config = tempFolder({
      'bootstrap.yml': `application.name: shop\ncloud.nacos.server-addr: ${registry.address}`,
    })
    const logger = collectLog()
    const sidecar = createSidecar({
      ...{ configPath: false, signals: false },
      settings: {
        ...{ 'application.name': 'stock', 'cloud.nacos.server-addr': registry.address },
        ...{ 'cloud.nacos.discovery.register-enabled': false, 'cloud.nacos.config.enabled': false },
        'sidecar.snapshot-dir': 'off',
      },
      logger,
    })
    onTestFinished(() => sidecar.stop({ drain: false }))
    await sidecar.ready
    const seen: unknown[] = []
    const handler = events(sidecar, { url: rabbit.url }).on('order-service', 'sold', (data, work) => {
      seen.push([data, work.messageId, work.headers['x-tenant-id'], work.source])
    })
    await handler.ready
    return { seen, lines: logger.lines, flags: ['--config', config] }
  }

  test('n.dispatch_event: by the settings of Nacos, in the name of another service, with headers and a message id', async () => {
    const { seen, lines, flags } = await listening()
    expect(lines).toContain(`info Connected to RabbitMQ amqp://127.0.0.1:${rabbit.port}`)
    expect(lines.join()).not.toContain('guest')
    const args = ['order-service', 'sold', '{"id":7}', '-H', 'x-tenant-id: t', '--message-id', 'm-1']
    const out = await cli('emit', ...args, ...flags)
    expect(out).toBe(`Emitted order-service sold (message id m-1): amqp://127.0.0.1:${rabbit.port} has it.`)
    await expect.poll(() => seen).toEqual([[{ id: 7 }, 'm-1', 't', 'order-service']])
    const json = JSON.parse(await cli('emit', 'order-service', 'sold', '--json', ...flags)) as { messageId: string }
    await expect.poll(() => seen.at(-1)).toEqual([null, json.messageId, undefined, 'order-service'])
    expect(json).toMatchObject({ source: 'order-service', type: 'sold' })
  })

  test('--events-url, a file, and text as it is; the shell emits as well', async () => {
    const { seen, flags } = await listening()
    const folder = tempFolder({ 'order.json': '{"id":8}' })
    await cli('emit', 'order-service', 'sold', `@${join(folder, 'order.json')}`, '--events-url', rabbit.url, ...flags)
    await expect.poll(() => (seen[0] as unknown[] | undefined)?.[0]).toEqual({ id: 8 })
    await cli('emit', 'order-service', 'sold', 'plain', '--content-type', 'text/plain', ...flags)
    await expect.poll(() => (seen[1] as unknown[] | undefined)?.[0]).toBe('plain')
    const [file, out] = [join(folder, 'script.mjs'), join(folder, 'out')]
    writeFileSync(
      file,
      `import { writeFileSync } from 'node:fs'
       await emit('order-service', 'sold', { id: 9 }, { messageId: 'm-9' })
       await emit('order-service', 'sold')
       writeFileSync(${JSON.stringify(out)}, 'done')`,
    )
    await cli('shell', file, ...flags)
    expect(readFileSync(out, 'utf8')).toBe('done')
    await expect.poll(() => seen.slice(2).map((one) => (one as unknown[])[0])).toEqual([{ id: 9 }, null])
  })
})
