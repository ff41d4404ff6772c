import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { restoreProcessAfterEach } from '../../support/command-in-process.js'
import { createProgram } from '../../../src/cli/program.js'
import { parseRunArguments } from '../../../src/cli/run-arguments.js'
import { formatTable, isColoured } from '../../../src/cli/table.js'
import { exitCodeOf, isCommanders } from '../../../src/cli/usage-error.js'
import { answering } from '../../support/member.js'
import { devRegistry, form, md5 } from '../../support/registry.js'
import { serve } from '../../support/frameworks.js'
import { ownPort } from '../../support/own-port.js'
import { tempFolder } from '../../support/temp-folder.js'

restoreProcessAfterEach()

/** Runs a command in this process; what it prints, and its exit code. */
async function cli(...args: string[]) {
  const lines: string[] = []
  const errors: string[] = []
  vi.spyOn(console, 'log').mockImplementation((text: string) => void lines.push(text))
  vi.spyOn(console, 'error').mockImplementation((text: string) => void errors.push(text))
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text).replace(/\n$/, '')) > 0)
  await createProgram('0.0.0').parseAsync(args, { from: 'user' })
  const code = process.exitCode
  process.exitCode = undefined
  vi.restoreAllMocks()
  return { out: lines.join('\n'), errors: errors.join('\n'), code }
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
      errors: '',
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
    expect(await cli('services', 'absent', ...flags)).toEqual({
      errors: '',
      out: 'absent has no instance in the group DEFAULT_GROUP.',
      code: 1,
    })
  })

  test('more than one page of names', async () => {
    const { register, flags } = await startRegistry()
    await Promise.all(Array.from({ length: 120 }, (_, at) => register(`s${at}`, 80)))
    const { out } = await cli('services', '--json', ...flags)
    expect(JSON.parse(out)).toHaveLength(120)
  })

  test('an address that is none is wrong use, and told once', async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const error = await cli('services', '--nacos-server', '::1').catch((thrown: unknown) => thrown as Error)
    expect(error).toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(/in brackets: \[::1\]:8848\)\.$/) as string,
    })
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

test('a table: in a narrow terminal the widest columns are cut; a pipe gets everything', () => {
  const rows = [['orders', 'a'.repeat(60), 'b'.repeat(30)]]
  const lines = formatTable(['service', 'from', 'to'], rows, false, 50).split('\n')
  expect(lines).toEqual([`service  from${' '.repeat(17)}to`, `orders   ${'a'.repeat(18)}…  ${'b'.repeat(18)}…`])
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(50)
  expect(formatTable(['service', 'from', 'to'], rows, false, Infinity)).toContain('a'.repeat(60))
  // Too narrow for anything: longer lines, but no endless work.
  expect(formatTable(['service', 'from', 'to'], rows, false, 5)).toContain('aaaaaaa…')
})

test('a table: no escape sequence of others, colour on a terminal only, and not with NO_COLOR', () => {
  const rows = [['a\u001b[31m', { text: 'yes', state: 'good' }]] as const
  expect(formatTable(['x', 'y'], rows, false)).toBe('x            y\na\\u001b[31m  yes')
  expect(formatTable(['x', 'y'], rows, true)).toContain('\u001b[32myes\u001b[0m')
  expect(isColoured({ isTTY: true }, {})).toBe(true)
  expect([isColoured({ isTTY: true }, { NO_COLOR: '1' }), isColoured({}, {})]).toEqual([false, false])
})

describe('config', () => {
  test('get, explain: values of all sources; a document as it is', async () => {
    const { registry, flags } = await startRegistry()
    const content = 'db: { url: "postgres://u:canary@db/x", pool: 7, password: canary }\ngreeting: hello\n'
    await form(registry, 'POST', '/v1/cs/configs', { dataId: 'orders.yml', group: 'DEFAULT_GROUP', content })
    expect(await cli('config', 'get', 'greeting', ...flags)).toEqual({ out: 'hello', errors: '', code: undefined })
    expect((await cli('config', 'get', 'db.password', ...flags)).out).toBe('canary')
    expect(JSON.parse((await cli('config', 'get', 'db', ...flags)).out)).toMatchObject({ pool: 7 })
    expect(await cli('config', 'get', 'nothing.here', ...flags)).toMatchObject({
      code: 1,
      errors: expect.stringContaining('has no value'),
    })
    expect((await cli('config', 'get', '--document', 'orders.yml', ...flags)).out).toBe(content.trimEnd())
    expect(await cli('config', 'get', '--document', 'none.yml', ...flags)).toMatchObject({ code: 1 })

    const explained = await cli('config', 'explain', 'db.pool', ...flags)
    expect(explained.out).toMatch(/^value +layer +from\n7 +remote +orders\.yml:1$/)
    expect((await cli('config', 'explain', 'db.password', ...flags)).out).not.toContain('canary')
    expect(await cli('config', 'explain', 'nothing.here', ...flags)).toMatchObject({ code: 1 })
  })

  test('a registry that is down is said, and the values here are used', async () => {
    const config = tempFolder({ 'bootstrap.yml': 'application.name: orders\ncloud.nacos.config.timeout: 500' })
    const { out, errors } = await cli(
      'config',
      'get',
      'application.name',
      '--nacos-server',
      '127.0.0.1:1',
      '--config',
      config,
    )
    expect([out, errors]).toEqual(['orders', expect.stringContaining('cannot be reached')])
  })

  test('set, and set --cas', async () => {
    const { registry, flags } = await startRegistry()
    const file = join(tempFolder({ 'a.yml': 'a: 1\n' }), 'a.yml')
    const group = ['--group', 'SHOP']
    expect((await cli('config', 'set', 'shared.yml', file, ...group, ...flags)).out).toBe(
      'Published shared.yml in the group SHOP.',
    )
    const stored = () =>
      form(registry, 'GET', '/v1/cs/configs', { dataId: 'shared.yml', group: 'SHOP' }).then(({ body }) => body)
    expect(await stored()).toBe('a: 1\n')
    writeFileSync(file, 'a: 2\n')
    const wrong = await cli('config', 'set', 'shared.yml', file, '--cas', md5('other'), ...group, ...flags)
    expect([wrong.code, await stored()]).toEqual([1, 'a: 1\n'])
    expect(
      (await cli('config', 'set', 'shared.yml', file, '--cas', md5('a: 1\n'), ...group, ...flags)).code,
    ).toBeUndefined()
    expect(await stored()).toBe('a: 2\n')
  })

  test.each([
    ['a.yml', 'a: [1\n', /^a\.yml:\d+:\d+: .*Services could not read it as yaml, so it was not published; --no-check/],
    ['a.yml', '- a\n', /^a\.yml:1:1: expected `key: value` pairs at the top of the document/],
    ['a.json', '{"a": 1,}', /^a\.json:1:\d+: it is not JSON/],
    ['a.properties', 'a=\0b', /^a\.properties:1:3: null byte/],
    ['a.xml', '<a><b></a>', /^a\.xml/],
  ])('set refuses %s with %j, and --no-check publishes it', async (dataId, content, why) => {
    const { registry, flags } = await startRegistry()
    const file = join(tempFolder({ broken: content }), 'broken')
    const stored = () => form(registry, 'GET', '/v1/cs/configs', { dataId, group: 'DEFAULT_GROUP' })
    await expect(cli('config', 'set', dataId, file, ...flags)).rejects.toThrow(why)
    expect((await stored()).status).toBe(404)
    expect((await cli('config', 'set', dataId, file, '--no-check', ...flags)).code).toBeUndefined()
    expect((await stored()).body).toBe(content)
  })

  test.each([
    ['rules.json', '[{"resource": "/a", "count": 1}]', []],
    ['logback.xml', '<configuration><root level="INFO"/></configuration>', []],
    ['notes', 'a: [1', []],
    ['page.txt', '{', []],
    ['template.yml', 'a: {{ b }', ['--type', 'text']],
    ['cipher-aes-a.yml', '{gibberish', []],
  ])('set publishes %s with %j %j: it is no broken document', async (dataId, content, more) => {
    const { flags } = await startRegistry()
    const file = join(tempFolder({ whole: content }), 'whole')
    expect((await cli('config', 'set', dataId, file, ...more, ...flags)).out).toContain('Published')
  })

  test('watch prints each change until Ctrl-C', async () => {
    const { registry, flags } = await startRegistry()
    const publish = (content: string) =>
      form(registry, 'POST', '/v1/cs/configs', { dataId: 'orders.yml', group: 'DEFAULT_GROUP', content })
    await publish('db: { pool: 1, password: a }')
    const watching = cli('config', 'watch', 'db', ...flags)
    await expect.poll(() => process.listenerCount('SIGINT')).toBeGreaterThan(0)
    await publish('db: { pool: 2, password: canary }')
    const said = () => vi.mocked(console.log).mock.calls.map(([line]) => String(line))
    await expect
      .poll(said)
      .toEqual(expect.arrayContaining(['Watching db. Ctrl-C ends it.', 'db.pool: 1 → 2', 'db.password: "***" → "***"']))
    process.emit('SIGINT')
    const { out, code } = await watching
    expect(out).not.toContain('canary')
    expect(code).toBeUndefined()
  })
})

describe('call', () => {
  const provider = async (
    register: (name: string, port: number, more: Record<string, string>) => unknown,
    name: string,
  ) => {
    const running = await serve(
      createServer(async (request, response) => {
        const chunks: Buffer[] = []
        for await (const chunk of request) chunks.push(chunk as Buffer)
        const { method, url, headers } = request
        const answer = {
          method,
          url,
          type: headers['content-type'],
          tenant: headers['x-tenant'],
          body: Buffer.concat(chunks).toString(),
        }
        response.writeHead(url === '/missing' ? 404 : 200).end(JSON.stringify(answer))
      }),
    )
    onTestFinished(() => running.close())
    await register(name, running.port, { ip: '127.0.0.1' })
  }

  test.each(['user-service', 'demo.api'])('%s is called by its name', async (name) => {
    const { register, flags } = await startRegistry()
    await provider(register, name)
    const { out, errors, code } = await cli(
      'call',
      name,
      'post',
      '/users?x=1',
      '-d',
      '{"id":7}',
      '-H',
      'x-tenant: t',
      ...flags,
    )
    expect(JSON.parse(out)).toEqual({
      ...{ method: 'POST', url: '/users?x=1', type: 'application/json', tenant: 't', body: '{"id":7}' },
    })
    expect([errors, code]).toEqual(['HTTP 200 OK', undefined])
    const missing = await cli('call', name, 'GET', 'missing', '--json', ...flags)
    expect([JSON.parse(missing.out), missing.code]).toEqual([expect.objectContaining({ status: 404 }), 1])
  })

  test('a service without an instance is an error that names it', async () => {
    const { flags } = await startRegistry()
    await expect(cli('call', 'absent', 'GET', '/', ...flags)).rejects.toThrow()
  })
})

describe('names that Nacos would refuse are wrong usage', () => {
  const wrong: [string[], RegExp][] = [
    [['services', '--namespace', 'a b'], /--namespace <id>' argument 'a b' is invalid. Expected a namespace id/],
    [['services', '--group', 'a/b'], /--group <group>' argument 'a\/b' is invalid. Expected a group/],
    [['services', 'a b'], /Expected a service name .* got "a b"/],
    [['services', 'a b@@c'], /Expected a group/],
    [['timers', 'a?b'], /Expected a service name/],
    [['call', 'a#b', 'GET', '/'], /Expected a service name/],
    [['config', 'get', 'a b', '--document'], /expected a data id/],
    [['config', 'set', 'a/b.yml', '-'], /Expected a data id/],
    [['config', 'set', 'a.yml', '-', '--type', 'ymal'], /Allowed choices are yaml, json/],
    [['init', '--namespace', 'a b'], /Expected a namespace id/],
    [['init', '--name', 'a b'], /Expected a service name/],
    [['init', '--nacos-server', 'ftp://x'], /expected http/],
  ]
  test.each(wrong)('%j', async (args, why) => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    vi.spyOn(process, 'cwd').mockReturnValue(tempFolder({ 'package.json': '{"name":"a"}' }))
    const error = await createProgram('0.0.0')
      .parseAsync(args, { from: 'user' })
      .then(
        () => expect.unreachable(),
        (reason: unknown) => reason as Error,
      )
    expect(exitCodeOf(error)).toBe(2)
    expect(isCommanders(error) ? said.mock.calls.join('\n') : error.message).toMatch(why)
  })

  test('run', () => {
    for (const [flag, value] of [
      ['namespace', 'a b'],
      ['service-name', 'a/b'],
      ['service-group', 'a b'],
      ['service-cluster', 'ä'],
    ])
      expect(() => parseRunArguments([`--${flag}`, value!, 'app.js'])).toThrow(`--${flag}: expected a`)
    expect(parseRunArguments(['--namespace', '${NS:dev}', 'app.js']).flags).toEqual({ namespace: ['${NS:dev}'] })
    expect(parseRunArguments(['--namespace', '', 'app.js']).flags).toEqual({ namespace: [''] })
  })
})
