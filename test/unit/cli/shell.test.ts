import { once } from 'node:events'
import { createServer } from 'node:http'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { restoreProcessAfterEach } from '../../support/command-in-process.js'
import { asGuest } from '../../../src/cli/guest.js'
import { createProgram } from '../../../src/cli/program.js'
import { createTools } from '../../../src/cli/shell-tools.js'
import { openPrompt } from '../../../src/cli/shell.js'
import { serve } from '../../support/frameworks.js'
import { devRegistry, form } from '../../support/registry.js'
import { tempFolder } from '../../support/temp-folder.js'

restoreProcessAfterEach()

/** A registry with a service `orders` that says what it was sent, and a document. */
async function startMesh() {
  const registry = await devRegistry()
  const app = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method, url } = request
      response.writeHead(url === '/missing' ? 404 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ method, url, body: Buffer.concat(chunks).toString() }))
    })
  })
  const { port, close } = await serve(app)
  onTestFinished(close)
  await form(registry, 'POST', '/v1/ns/instance', { serviceName: 'orders', ip: '127.0.0.1', port })
  const document = { dataId: 'shop.yml', group: 'DEFAULT_GROUP', content: 'greeting: hello' }
  await form(registry, 'POST', '/v1/cs/configs', document)
  const config = tempFolder({ 'bootstrap.yml': `application.name: shop\ncloud.nacos.server-addr: ${registry.address}` })
  return { registry, config }
}

describe('shell', () => {
  test('a script calls services by name, reads config, and sets the exit code; nothing is registered', async () => {
    const { registry, config } = await startMesh()
    const out = join(tempFolder({}), 'out.json')
    const folder = tempFolder({
      'script.mjs': `
        import { writeFileSync } from 'node:fs'
        const posted = await call('orders').post('/orders', { id: 7 })
        const failed = await clients.orders.get('missing').catch(({ code, message }) => ({ code, message }))
        const names = await services()
        const found = await instances('orders')
        const result = { posted, failed, names, found: found.length, greeting: config.get('greeting') }
        writeFileSync(${JSON.stringify(out)}, JSON.stringify(result))
        process.exitCode = 7`,
    })
    await createProgram('0').parseAsync(['shell', join(folder, 'script.mjs'), '--config', config], { from: 'user' })
    expect(process.exitCode).toBe(7)
    expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual({
      posted: { method: 'POST', url: '/orders', body: '{"id":7}' },
      failed: {
        code: 'SIDECAR_CALL_STATUS',
        message: expect.stringMatching(/GET missing of orders: HTTP 404/) as string,
      },
      names: ['orders'],
      found: 1,
      greeting: 'hello',
    })
    expect(registry.services().map(({ service }) => service)).toEqual(['orders'])
  })

  test('a script that throws: its stack, and exit code 1; one that is not there is wrong use', async () => {
    const { config } = await startMesh()
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => error.mockRestore())
    const file = join(tempFolder({ 'broken.mjs': 'throw new Error("of the script")' }), 'broken.mjs')
    await createProgram('0').parseAsync(['shell', file, '--config', config], { from: 'user' })
    expect([process.exitCode, (error.mock.calls[0]![0] as Error).stack]).toEqual([
      1,
      expect.stringContaining('broken.mjs:1'),
    ])
    await expect(createProgram('0').parseAsync(['shell', 'absent.mjs'], { from: 'user' })).rejects.toThrow(
      /absent\.mjs was not found/,
    )
  })

  test('a prompt: top-level await, names completed, a history for its owner only, an end by Ctrl-D', async () => {
    const { config } = await startMesh()
    const history = join(tempFolder({}), 'kept', 'history')
    vi.stubEnv('NACOS_SIDECAR_HISTORY', history)
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    onTestFinished(() => log.mockRestore())
    const [input, output] = [new PassThrough(), new PassThrough()]
    let shown = ''
    output.on('data', (chunk: Buffer) => (shown += chunk.toString()))
    const typed = async (line: string, answer: RegExp) => {
      shown = ''
      input.write(line)
      await vi.waitFor(() => expect(shown).toMatch(answer))
    }
    const terminal = { input, output, terminal: true, preview: false, useColors: false }
    const open = asGuest({ config }, {}, async (sidecar) => {
      await sidecar.ready
      await openPrompt(sidecar, createTools(sidecar), terminal)
    })
    await vi.waitFor(() => expect(shown).toContain('nacos> '))
    await typed("await call('orders').get('/users/7')\n", /method: 'GET', url: '\/users\/7'/)
    await typed("call('ord\t", /call\('orders/)
    await typed("').get\n", /Function/)
    await typed("await clients['orders'].delete('/a')\n", /method: 'DELETE'/)
    input.write('\u0004')
    await open
    expect(statSync(history).mode & 0o777).toBe(0o600)
    expect(readFileSync(history, 'utf8')).toContain("await call('orders').get('/users/7')")
  })

  test('a script on the standard input', async () => {
    const { config } = await startMesh()
    const stdin = new PassThrough()
    const real = Object.getOwnPropertyDescriptor(process, 'stdin')!
    Object.defineProperty(process, 'stdin', { value: stdin, configurable: true })
    onTestFinished(() => void Object.defineProperty(process, 'stdin', real))
    stdin.end("process.exitCode = (await call('orders').get('/a')).url === '/a' ? 3 : 4")
    await createProgram('0').parseAsync(['shell', '--config', config], { from: 'user' })
    expect(process.exitCode).toBe(3)
  })

  test('a registry that is down is said; the prompt still opens', async () => {
    vi.stubEnv('NACOS_SIDECAR_HISTORY', '')
    const lines: string[] = []
    const log = vi.spyOn(console, 'log').mockImplementation((text: string) => void lines.push(text))
    const error = vi.spyOn(console, 'error').mockImplementation((text: string) => void lines.push(text))
    onTestFinished(() => [log, error].forEach((spy) => spy.mockRestore()))
    const [input, output] = [new PassThrough(), new PassThrough()]
    const config = tempFolder({ 'bootstrap.yml': 'application.name: a\ncloud.nacos.config.timeout: 300' })
    const open = asGuest({ config, nacosServer: '127.0.0.1:1' }, {}, async (sidecar) => {
      await sidecar.ready
      await openPrompt(sidecar, createTools(sidecar), { input, output, terminal: true })
    })
    await once(output, 'readable')
    input.write('\u0004')
    await open
    expect(lines.join('\n')).toMatch(/no names to complete: .*ECONNREFUSED[\s\S]*127\.0\.0\.1:1 cannot be reached/)
  })
})
