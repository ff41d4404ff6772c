/**
 * `npm run demo`: a registry, an auth service, three providers and a consumer, each a process of its own.
 * Every step asserts itself; the demo ends with 0 only if all of it happened. `NACOS_SERVER=host:port` uses your Nacos.
 */
import { createSidecar, type ServiceInstance, type Sidecar } from 'nacos-sidecar'
import { fileURLToPath } from 'node:url'
import { endAll, lastWords, start, type Running } from './processes.js'
import { check, fact, step, table, until } from './report.js'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const TSX = ['--import', 'tsx']
const GROUP = 'DEFAULT_GROUP'
const FRAMEWORKS = ['express', 'fastify', 'koa'] as const
const DOCUMENT = 'application-dev.yml'

async function main(): Promise<void> {
  const server = process.env['NACOS_SERVER'] ?? (await startRegistry())
  const own = process.env['NACOS_SERVER'] === undefined
  const observer = await createSidecar({
    configPath: false,
    settings: {
      application: { name: 'demo' },
      logging: { level: { 'nacos-sidecar': 'warn' } },
      cloud: { nacos: { serverAddr: server, discovery: { registerEnabled: false } } },
    },
  }).ready

  const document = { namespace: '', group: GROUP, dataId: DOCUMENT }
  const list = (service: string) => observer.nacos.list({ namespace: '', group: GROUP, service })
  const before = await observer.nacos.getConfig(document)
  try {
    await observer.nacos.publishConfig!({ ...document, content: 'greeting: Bonjour\n', type: 'yaml' })

    // Short times, so that in half a minute you see what takes minutes in production.
    const pushed = await hasPush(observer)
    const env = {
      NACOS_SERVER: server,
      PORT: '0',
      NACOS_SERVICE_IP: '127.0.0.1',
      SIDECAR_DRAIN: '2s',
      // With push no polling is needed; a registry without gRPC is polled often.
      ...(!pushed && { SIDECAR_POLL_INTERVAL: '500ms' }),
    }
    step('An auth service, three providers and a consumer start, each with its own bootstrap.yml')
    const auth = start('auth-service', 'demo', [...TSX, 'auth-service.ts'], env)
    const providers = new Map(FRAMEWORKS.map((name) => [name, start(name, name, [...TSX, 'main.ts'], env)]))
    const consumer = start('portal', 'feign', [...TSX, 'main.ts'], env)

    const instances = await until('three healthy instances of hello-service', 20_000, async () => {
      const found = await list('hello-service')
      return found.filter((each) => each.healthy).length === FRAMEWORKS.length && found
    })
    const portal = await until('portal registered', 10_000, async () => (await list('portal'))[0])
    const authInstance = await until('auth-service registered', 10_000, async () => (await list('auth-service'))[0])
    const pids = new Map<string, Running>([...providers, ['', auth]])
    table([
      ['service', 'instance', 'framework', 'cluster', 'weight', 'healthy', 'pid'],
      ...[...instances, authInstance, portal].map((each) => [
        each.service,
        address(each),
        each.metadata['framework'] ?? '-',
        each.cluster,
        String(each.weight),
        String(each.healthy),
        String((each === portal ? consumer : (pids.get(each.metadata['framework'] ?? '') ?? auth)).child.pid),
      ]),
    ])
    const byFramework = new Map(instances.map((each) => [each.metadata['framework']!, each]))
    check(
      FRAMEWORKS.every((name) => byFramework.has(name)),
      'Express, Fastify and Koa each registered their own real port',
    )

    step('Typed calls: hello.hello("Ada") goes round')
    await until('the consumer sees all three', 5_000, async () => new Set(await answers(portal, 9)).size === 3)
    const order = await answers(portal, 12)
    fact(order.map((name) => name.padEnd(7)).join(' → '))
    const counts = FRAMEWORKS.map((name) => order.filter((each) => each === name).length)
    check(
      counts.every((count) => count === 4),
      `12 calls, exactly even: ${FRAMEWORKS.map((name, i) => `${name} ${counts[i]}`).join(', ')}`,
    )

    step('A remote config value, and the document it came from')
    const greeting = await json<{ value: string; from: { origin: { document: string } } }>(portal, '/config/greeting')
    fact(`greeting = ${greeting.body.value}   (from ${greeting.body.from.origin.document})`)
    check(
      greeting.body.value === 'Bonjour' && greeting.body.from.origin.document.includes(DOCUMENT),
      `the value is the one published in ${DOCUMENT}`,
    )
    check(
      (await json<{ message: string }>(portal, '/hello/Ada')).body.message === 'Bonjour Ada',
      'the providers answer with it',
    )

    step('The document is edited while everyone runs')
    const editedAt = performance.now()
    await observer.nacos.publishConfig!({ ...document, content: 'greeting: Salut\n', type: 'yaml' })
    for (const [from, path] of [
      ['portal', '/config/greeting'],
      ['a provider', '/hello/Ada'],
    ] as const) {
      await until(
        `${from} sees the edit`,
        pushed ? 5_000 : 15_000,
        async () => JSON.stringify((await json(portal, path)).body).includes('Salut'),
        20,
      )
      check(true, `${from} has the new value after ${since(editedAt)}, without a restart`)
    }

    step('One more provider joins while everyone runs')
    const second = start('express-2', 'express', [...TSX, 'main.ts'], env)
    await until(
      'it is registered',
      20_000,
      async () => (await list('hello-service')).length === FRAMEWORKS.length + 1,
      20,
    )
    const joinedAt = performance.now()
    const calledIt = async () => (await json<{ pid: number }>(portal, '/hello/Ada')).body.pid === second.child.pid
    await until('it is called', 15_000, calledIt, 1)
    check(!pushed || performance.now() - joinedAt < 1_000, `called ${since(joinedAt)} after the registry listed it`)
    await second.end('SIGTERM')
    await until('it has left', 5_000, async () => (await list('hello-service')).length === FRAMEWORKS.length)

    step('The guard: 401, 403, 200')
    for (const name of FRAMEWORKS) {
      const provider = byFramework.get(name)!
      const codes = await Promise.all([
        status(provider, '/admin/report'),
        status(provider, '/admin/report', 'guest'),
        status(provider, '/admin/report', 'reader'),
      ])
      check(
        codes.join() === '401,403,200',
        `${name.padEnd(8)} no token ${codes[0]}, known but refused ${codes[1]}, allowed ${codes[2]}`,
      )
    }
    const forwarded = [await status(portal, '/report', 'guest'), await status(portal, '/report', 'reader')]
    check(forwarded.join() === '403,200', `the caller's token travels through the consumer: ${forwarded.join(' and ')}`)

    step('Fastify is stopped with SIGTERM while calls go on')
    const stopping = byFramework.get('fastify')!
    const calls = callSteadily(portal)
    const left = providers
      .get('fastify')!
      .end('SIGTERM')
      .then(() => performance.now())
    const gone = await until(
      'fastify deregistered',
      5_000,
      async () => !(await list('hello-service')).some((each) => same(each, stopping)) && performance.now(),
    )
    const ended = await left
    fact(
      `deregistered first, then served for ${((ended - gone) / 1000).toFixed(1)} s more, then left with exit code ${exitOf(providers.get('fastify')!)}`,
    )
    check(ended > gone, 'it was gone from the registry before it stopped serving')
    const rolled = await calls.stop()
    check(rolled.failed === 0, `${rolled.sent} calls meanwhile, ${rolled.failed} failed`)

    step('Koa is killed with SIGKILL while calls go on (beats 1 s, unhealthy after 3 s, forgotten after 6 s)')
    const killed = byFramework.get('koa')!
    const more = callSteadily(portal)
    await providers.get('koa')!.end('SIGKILL')
    const killedAt = performance.now()
    // r-nacos has its own times (19 s and 34 s) and ignores those an instance asks for.
    const patience = own ? 8_000 : 45_000
    await until(
      'koa excluded',
      patience,
      async () => !(await list('hello-service')).some((each) => same(each, killed) && each.healthy),
    )
    check(true, `excluded after ${since(killedAt)}`)
    await until(
      'koa forgotten',
      patience,
      async () => !(await list('hello-service')).some((each) => same(each, killed)),
    )
    check(true, `forgotten after ${since(killedAt)}`)
    const survived = await more.stop()
    check(
      survived.failed === 0,
      `${survived.sent} calls meanwhile, ${survived.failed} failed: a connection never made goes to the next instance`,
    )
    check(new Set(await answers(portal, 4)).size === 1, 'only Express answers now')

    step('Everyone leaves')
    await Promise.all([providers.get('express')!.end('SIGTERM'), auth.end('SIGTERM'), consumer.end('SIGTERM')])
    for (const service of ['hello-service', 'auth-service', 'portal'])
      await until(`${service} deregistered`, 3_000, async () => (await list(service)).length === 0)
    check(true, 'every instance is deregistered')
  } finally {
    await restore(observer, before?.content)
    await observer.stop()
  }
}

async function startRegistry(): Promise<string> {
  step('The embedded registry starts (NACOS_SERVER=host:port would use yours)')
  const registry = start('registry', 'demo', [CLI, 'dev', '--port', '0'], {})
  const [, address] = await registry.line(/(127\.0\.0\.1:\d+)/, 10_000)
  check(true, `listening on ${address}, in process ${registry.child.pid}`)
  return address!
}

const address = (instance: ServiceInstance) => `${instance.ip}:${instance.port}`
const same = (a: ServiceInstance, b: ServiceInstance) => a.ip === b.ip && a.port === b.port
const since = (startMs: number) => `${((performance.now() - startMs) / 1000).toFixed(2)} s`
const exitOf = (process: Running) => process.child.exitCode ?? process.child.signalCode

async function json<T>(to: ServiceInstance, path: string): Promise<{ status: number; body: T }> {
  const response = await fetch(`http://${address(to)}${path}`, { signal: AbortSignal.timeout(5_000) })
  return { status: response.status, body: (await response.json()) as T }
}

async function status(to: ServiceInstance, path: string, token?: string): Promise<number> {
  const headers = token ? { authorization: `Bearer ${token}` } : undefined
  const response = await fetch(`http://${address(to)}${path}`, { headers, signal: AbortSignal.timeout(5_000) })
  await response.arrayBuffer()
  return response.status
}

/** The instances that answered `count` calls, one after the other. */
async function answers(portal: ServiceInstance, count: number): Promise<string[]> {
  const names: string[] = []
  while (names.length < count) names.push((await json<{ framework: string }>(portal, '/hello/Ada')).body.framework)
  return names
}

function callSteadily(portal: ServiceInstance): { stop(): Promise<{ sent: number; failed: number }> } {
  let going = true
  let sent = 0
  let failed = 0
  const loop = async () => {
    while (going) {
      sent += 1
      const ok = await json(portal, '/hello/Ada').then(
        (answer) => answer.status === 200,
        () => false,
      )
      if (!ok) failed += 1
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  const loops = [loop(), loop()]
  return {
    stop: async () => {
      going = false
      await Promise.all(loops)
      return { sent, failed }
    },
  }
}

/** Whether this registry tells of changes by itself (gRPC), as Nacos 2 and 3 and r-nacos do. */
async function hasPush(observer: Sidecar): Promise<boolean> {
  const end = observer.discovery.watch('hello-service', () => {})
  const told = async () => observer.status().registry.updates?.startsWith('grpc')
  return until('push', 3_000, told)
    .catch(() => false)
    .finally(end)
}

/** Leaves a shared Nacos as it was found. */
async function restore(observer: Sidecar, content: string | undefined): Promise<void> {
  const key = { namespace: '', group: GROUP, dataId: DOCUMENT }
  if (content === undefined) await observer.nacos.deleteConfig?.(key)
  else await observer.nacos.publishConfig?.({ ...key, content, type: 'yaml' })
}

const startedAt = performance.now()
try {
  await main()
  await endAll()
  console.log(
    `\nThe demo is through: every step happened, in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`,
  )
} catch (error) {
  const words = lastWords()
  await endAll()
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`)
  console.error(words)
  process.exitCode = 1
}
