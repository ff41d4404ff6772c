/**
 * `npm run example:observability`: the embedded registry, three services (gateway → orders → prices), a load, and then what the sidecars
 * know of it: figures by operation, and one trace as a tree. With `prometheus` on the PATH it also scrapes them.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSidecar, type OperationStats, type ServiceInstance } from 'nacos-sidecar'
import { startDevServer } from 'nacos-sidecar/dev-server'
import { scrape } from './prometheus.js'
import { treeOf, type Span } from './tree.js'

const CARTS = 100
/** Every tenth of them is asked for a user that does not exist. */
const UNKNOWN = 10
/** Two in the gateway for each cart; two in orders and two in prices for each that is filled. */
const SPANS = 2 * CARTS + 4 * (CARTS - UNKNOWN)
const SERVICES = ['prices', 'orders', 'gateway'] as const

const registry = await startDevServer({ port: 0 })
const spans: Span[] = []
const children = SERVICES.map(start)
const observer = await createSidecar({
  configPath: false,
  settings: {
    'application.name': 'observer',
    'logging.level.nacos-sidecar': 'error',
    'cloud.nacos.server-addr': `127.0.0.1:${registry.port}`,
    'cloud.nacos.config.enabled': false,
    'cloud.nacos.discovery.register-enabled': false,
  },
}).ready

try {
  const instances = await Promise.all(SERVICES.map(instanceOf))
  const [, , gateway] = instances as [ServiceInstance, ServiceInstance, ServiceInstance]
  console.log(
    `gateway → orders → prices are registered; ${CARTS} carts are filled, ${UNKNOWN} of them for an unknown user\n`,
  )
  const ask = async (n: number) => {
    const user = n % (CARTS / UNKNOWN) === 0 ? 'unknown' : `user-${n}`
    await (await fetch(`http://${addressOf(gateway)}/carts/${user}`)).text()
  }
  // Ten at a time.
  for (let n = 0; n < CARTS; n += 10) await Promise.all(Array.from({ length: 10 }, (_, index) => ask(n + index)))

  console.log(row(['service', 'kind', 'operation', 'count', 'errors', 'p50', 'p99']))
  for (const instance of instances.toReversed()) {
    const figures = (await (await fetch(`http://${addressOf(instance)}/figures`)).json()) as OperationStats[]
    for (const { kind, name, count, errors, p50, p99 } of figures)
      console.log(
        row([
          instance.service,
          kind,
          name,
          String(count),
          String(errors),
          `${p50.toFixed(1)} ms`,
          `${p99.toFixed(1)} ms`,
        ]),
      )
  }

  // The last ones may still be on their way.
  for (let tries = 0; spans.length < SPANS && tries < 100; tries++) await sleep(50)
  const roots = spans.filter(({ name, parent }) => name === 'fill the cart' && parent === undefined)
  const traces = roots.map(({ traceId }) => spans.filter((span) => span.traceId === traceId))
  // One that went all the way.
  const last = traces.findLast((trace) => trace.some(({ service }) => service === 'prices'))
  console.log(`\none trace:\n${treeOf(last ?? []).join('\n')}`)
  console.log(
    `\nprometheus: ${await scrape(instances.map(addressOf), 'http_server_requests_seconds_count{uri="/carts/:user"}')}`,
  )
} finally {
  await Promise.all(children.map(end))
  await observer.stop()
  await registry.stop()
}

function start(service: string): ChildProcess {
  const env = {
    ...process.env,
    SERVICE: service,
    NACOS_SERVER: `127.0.0.1:${registry.port}`,
    SIDECAR_SNAPSHOT_DIR: 'off',
  }
  const child = fork(`${service}.ts`, { execArgv: ['--import', 'tsx'], env })
  child.on('message', ({ span }: { span: Span }) => void spans.push(span))
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

/** Waits until a service has an instance. */
async function instanceOf(service: string): Promise<ServiceInstance> {
  for await (const { instances } of observer.discovery.watch(service, { signal: AbortSignal.timeout(30_000) })) {
    if (instances.length > 0) return instances[0]!
  }
  throw new Error(`${service} was not registered within 30 s`)
}

function addressOf({ ip, port }: ServiceInstance): string {
  return `${ip}:${port}`
}

function row([service, kind, name, ...numbers]: readonly string[]): string {
  return `${service!.padEnd(8)} ${kind!.padEnd(7)} ${name!.padEnd(26)} ${numbers.map((text) => text.padStart(8)).join(' ')}`
}
