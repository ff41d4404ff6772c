import { fileURLToPath } from 'node:url'
import { startChild, type Child } from '../support/child.js'
import { ownPort } from '../support/own-port.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PROVIDER = new URL('../fixtures/apps/composed-app.mjs', import.meta.url)
const CONSUMER = new URL('consumer.mjs', import.meta.url)
export const FRAMEWORKS = ['express', 'fastify', 'koa'] as const

export interface StageOptions {
  /** The `sidecar` section of every process: scaled durations. @default the library's own */
  readonly sidecar?: Readonly<Record<string, number>>
  /** A registry that runs already, `host:port`, and who may use it. @default an embedded one in a process of its own */
  readonly registry?: string
  readonly login?: { readonly username: string; readonly password: string }
}

export interface CallOptions {
  /** Calls a second. */
  readonly rate: number
  readonly push: 'auto' | 'off'
  /** Options of the consumer's client. @default the library's own */
  readonly client?: Readonly<Record<string, number>>
}

export interface Failure {
  readonly verb: Verb
  readonly startedAt: number
  readonly endedAt: number
  readonly port?: number
  readonly code?: string
  readonly message: string
}

export type Verb = 'get' | 'post'
export type Totals = Record<Verb, { sent: number; failed: number; slowestMs: number }>

export interface Outcome {
  readonly totals: Totals
  readonly failures: readonly Failure[]
  /** As it came about. */
  readonly rate: number
  readonly seconds: number
}

export interface Provider {
  readonly framework: (typeof FRAMEWORKS)[number]
  readonly port: number
  /** The process that stands at this address now. */
  readonly child: Child
  /**
   * Starts a new process at the same address; settles when it is registered, or only listens where nothing can register
   * it.
   */
  start(until?: 'registered' | 'listening'): Promise<void>
}

/** A consumer that calls the providers all the time. */
export interface Calls {
  /** Calls made so far. */
  sent(): Promise<number>
  /** Lets the calls end and counts them. */
  finish(): Promise<Outcome>
}

/** Three providers, one of each framework, and their registry. */
export interface Stage {
  /** The name of the service that the providers are. */
  readonly service: string
  readonly providers: readonly Provider[]
  startCalls(options: CallOptions): Promise<Calls>
  killRegistry(): Promise<void>
  startRegistry(): Promise<void>
  /** Ends every process. */
  clear(): Promise<void>
}

export async function setStage(options: StageOptions = {}): Promise<Stage> {
  const children = new Set<Child>()
  const run = (...args: Parameters<typeof startChild>) => {
    const child = startChild(...args)
    children.add(child)
    return child
  }

  // A name of its own: others may be at work on the same registry.
  const service = `rollout-${process.pid}-${Date.now().toString(36)}`
  const common = {
    SERVICE: service,
    SIDECAR: JSON.stringify(options.sidecar ?? {}),
    ...(options.login && {
      SPRING_CLOUD_NACOS_USERNAME: options.login.username,
      SPRING_CLOUD_NACOS_PASSWORD: options.login.password,
    }),
  }
  const address = options.registry ?? `127.0.0.1:${await ownPort()}`
  let registry: Child | undefined
  const startRegistry = async () => {
    const args = ['dev', '--port', address.split(':')[1]!, '--quiet']
    registry = run(`${ROOT}/dist/cli/main.js`, { args })
    await registry.line(address)
  }
  if (!options.registry) await startRegistry()

  async function createProvider(framework: Provider['framework']): Promise<Provider> {
    const port = await ownPort()
    let child: Child
    const provider: Provider = {
      framework,
      port,
      get child() {
        return child
      },
      async start(until = 'registered') {
        child = run(PROVIDER, {
          env: {
            ...common,
            FRAMEWORK: framework,
            NAME: service,
            PORT: String(port),
            REGISTRY: address,
          },
        })
        await child.message('listening', 30_000)
        if (until === 'registered') await child.message('registered', 30_000)
      },
    }
    await provider.start()
    return provider
  }

  const providers = await Promise.all(FRAMEWORKS.map(createProvider))

  async function startCalls({ rate, push, client = {} }: CallOptions): Promise<Calls> {
    const consumer = run(CONSUMER, {
      env: { ...common, REGISTRY: address, RATE: String(rate), PUSH: push, CLIENT: JSON.stringify(client) },
    })
    await consumer.message('calling', 30_000)
    let counts = 0
    return {
      async sent() {
        const type = `counted ${++counts}`
        consumer.send({ type: 'count', as: type })
        return (await consumer.message<{ sent: number }>(type)).sent
      },
      async finish() {
        consumer.send({ type: 'end' })
        const { totals, seconds } = await consumer.message<{ totals: Totals; seconds: number }>('result', 90_000)
        const failures = consumer.messages.filter(({ type }) => type === 'failure') as unknown as Failure[]
        return { totals, failures, seconds, rate: Math.round((totals.get.sent + totals.post.sent) / seconds) }
      },
    }
  }

  return {
    service,
    providers,
    startCalls,
    async killRegistry() {
      await registry?.kill()
    },
    startRegistry,
    async clear() {
      await Promise.all([...children].map((child) => child.kill()))
    },
  }
}
