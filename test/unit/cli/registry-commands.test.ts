import { createServer } from 'node:http'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createProgram } from '../../../src/cli/program.js'
import { formatTable, isColoured } from '../../../src/cli/table.js'
import { answering } from '../../support/member.js'
import { devRegistry, form } from '../../support/registry.js'
import { serve } from '../../support/frameworks.js'
import { ownPort } from '../../support/own-port.js'
import { tempFolder } from '../../support/temp-folder.js'

const [node, script] = process.argv
const { exitCode } = process
beforeEach(() => void (process.exitCode = undefined))
afterEach(() => {
  process.argv.splice(0, 2, node!, script!)
  process.exitCode = exitCode
  vi.restoreAllMocks()
})

/** Runs a command in this process; what it prints, and its exit code. */
async function cli(...args: string[]): Promise<{ out: string; code: number | string | undefined | null }> {
  const lines: string[] = []
  vi.spyOn(console, 'log').mockImplementation((text: string) => void lines.push(text))
  await createProgram('0.0.0').parseAsync(args, { from: 'user' })
  const code = process.exitCode
  process.exitCode = undefined
  return { out: lines.join('\n'), code }
}

async function startRegistry() {
  const registry = await devRegistry()
  const register = (serviceName: string, port: number, more: Record<string, string> = {}) =>
    form(registry, 'POST', '/v1/ns/instance', { serviceName, ip: '10.0.0.1', port, ...more })
  const config = tempFolder({
    'bootstrap.yml': `application.name: orders\ncloud.nacos.server-addr: ${registry.address}`,
  })
  return { registry, register, flags: ['--config', config] }
}

describe('services', () => {
  test('the services of a group, and the instances of one', async () => {
    const { register, flags } = await startRegistry()
    await register('orders', 80, { metadata: '{"version":"1.10"}' })
    await register('orders', 81, { healthy: 'false', clusterName: 'HZ' })
    await register('users', 90, { weight: '0' })
    await register('other', 1, { groupName: 'SHOP' })
    expect(await cli('services', ...flags)).toEqual({
      out: ['service  instances  healthy', 'orders   2          1', 'users    1          0'].join('\n'),
      code: undefined,
    })
    expect((await cli('services', '--group', 'SHOP', '--json', ...flags)).out).toContain('"service": "other"')
    const { out, code } = await cli('services', 'orders', ...flags)
    expect(out.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['instance', 'cluster', 'weight', 'healthy', 'enabled', 'metadata'],
      ['10.0.0.1:80', 'DEFAULT', '1', 'yes', 'yes', 'version=1.10'],
      ['10.0.0.1:81', 'HZ', '1', 'no', 'yes'],
    ])
    expect(code).toBeUndefined()
    expect(await cli('services', 'SHOP@@other', '--json', ...flags)).toMatchObject({ code: undefined })
    expect(await cli('services', 'users', ...flags)).toMatchObject({ code: 1 })
    expect(await cli('services', 'nobody', ...flags)).toEqual({
      out: 'nobody has no instance in the group DEFAULT_GROUP.',
      code: 1,
    })
  })

  test('more than one page of names', async () => {
    const { register, flags } = await startRegistry()
    await Promise.all(Array.from({ length: 120 }, (_, at) => register(`s${at}`, 80)))
    const { out } = await cli('services', '--json', ...flags)
    expect(JSON.parse(out)).toHaveLength(120)
  })

  test('a registry that is down is an error with its cause', async () => {
    await expect(cli('services', '--nacos-server', '127.0.0.1:1')).rejects.toThrow(/127\.0\.0\.1:1.*ECONNREFUSED/)
  })
})

describe('health', () => {
  const app = async (status: number, body: object) => {
    const running = await serve(createServer(answering(body, status)))
    onTestFinished(() => running.close())
    return String(running.port)
  }

  test('all is well', async () => {
    const { register, flags, registry } = await startRegistry()
    await register('orders', 80)
    const port = await app(200, { status: 'UP' })
    const { out, code } = await cli('health', '--port', port, ...flags)
    expect(out.split('\n').map((line) => line.split(/ {2,}/).slice(0, 2))).toEqual([
      ['what', 'health'],
      ['app', 'UP'],
      ['registry', 'UP'],
      ['instances', 'UP'],
    ])
    expect(out).toContain(registry.address)
    expect(code).toBeUndefined()
  })

  test.each([
    ['the app says DOWN', async () => ['--app', '--port', await app(503, { status: 'DOWN' })], /app +DOWN .* 503 DOWN/],
    ['nothing listens', async () => ['--app', '--port', String(await ownPort())], /app +DOWN .*ECONNREFUSED/],
    ['no port is known', () => ['--app'], /app +not asked/],
    ['the registry is down', () => ['--nacos-server', '127.0.0.1:1'], /registry +DOWN .*ECONNREFUSED/],
    ['no instance is there', () => [], /instances +DOWN +0 of 0 of orders/],
  ])('%s: exit code 1', async (_, args, said) => {
    const { flags } = await startRegistry()
    const { out, code } = await cli('health', ...flags, ...(await args()))
    expect(out).toMatch(said)
    expect(code).toBe(1)
  })

  test('--json', async () => {
    const { flags } = await startRegistry()
    const { out } = await cli('health', '--json', ...flags)
    expect(JSON.parse(out)).toMatchObject([
      { what: 'app' },
      { what: 'registry', up: true },
      { what: 'instances', up: false },
    ])
  })
})

test('a table: no escape sequence of others, colour on a terminal only, and not with NO_COLOR', () => {
  const rows = [['a\u001b[31m', { text: 'yes', state: 'good' }]] as const
  expect(formatTable(['x', 'y'], rows, false)).toBe('x            y\na\\u001b[31m  yes')
  expect(formatTable(['x', 'y'], rows, true)).toContain('\u001b[32myes\u001b[0m')
  expect(isColoured({ isTTY: true }, {})).toBe(true)
  expect([isColoured({ isTTY: true }, { NO_COLOR: '1' }), isColoured({}, {})]).toEqual([false, false])
})
