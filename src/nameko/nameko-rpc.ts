import { SidecarError } from '../errors.js'
import type { AmqpConnection } from '../messaging/amqp/connection.js'
import { headersOfContext } from '../messaging/context-headers.js'
import type { SidecarHost } from '../messaging/host.js'
import { namekoHeadersOf, type NamekoContext } from '../messaging/nameko-context.js'
import { largestBody } from '../messaging/largest-body.js'
import { eventSettings } from '../messaging/settings.js'
import { amqpOf, type AmqpUse } from '../messaging/shared-amqp.js'
import { traced } from '../observe/traced.js'
import { CLIENT } from '../tracing/span-values.js'
import { timeoutOf } from '../util/duration.js'
import { isObject } from '../util/is-object.js'
import { unlessAborted } from '../util/unless-aborted.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import type { WorkSource } from '../work/work.js'
import { checkMethod, checkName, invalid, routingKeyOf } from './names.js'
import { encodeRequest } from './payload.js'
import { RpcClient } from './rpc-client.js'
import { RpcServer } from './rpc-server.js'
import { serviceProxy } from './service-proxy.js'
import { methodOf } from './signature.js'
import { rpcAttributes } from './span-attributes.js'
import type {
  NamekoCallOptions,
  NamekoCallRequest,
  NamekoMethods,
  NamekoOptions,
  NamekoRpc,
  NamekoServeOptions,
  NamekoService,
  NamekoServing,
} from './types.js'

const WHERE = 'namekoRpc(sidecar)'
const TIMEOUT_MS = 30_000
const CONCURRENCY = 10
/** Of AMQP's prefetch. */
const MOST = 65_535

const OPTIONS: OptionNames<NamekoOptions> = {
  ...{ service: true, exchange: true, url: true, timeout: true, maxBytes: true },
}
const CALL: OptionNames<NamekoCallOptions> = { timeout: true, signal: true, context: true }
const REQUEST: OptionNames<NamekoCallRequest> = { ...CALL, args: true, kwargs: true }
const SERVE: OptionNames<NamekoServeOptions> = { concurrency: true }

/** @throws SidecarError `SIDECAR_NAMEKO_INVALID` */
export function checkNames(options: NamekoOptions): void {
  refuseUnknown(options, OPTIONS, (why) => invalid(WHERE, why))
}

/** The calls of one sidecar, both ways. Nothing is opened before the first one. */
export class SidecarNameko implements NamekoRpc, WorkSource {
  readonly name = 'Nameko'
  private readonly own: string
  private readonly exchange: string
  private readonly timeoutMs: number
  private readonly maxBytes: number
  private shared: AmqpUse | undefined
  private client: RpcClient | undefined
  private server: RpcServer | undefined
  private state: 'waiting' | 'started' | 'stopped' | 'closed' = 'waiting'

  constructor(
    private readonly host: SidecarHost,
    private readonly options: NamekoOptions,
  ) {
    const name = options.service ?? host.settings.application.name
    if (name === undefined) throw invalid(WHERE, 'the service has no name: set application.name')
    this.own = checkName(WHERE, 'service', name)
    this.exchange = checkName(WHERE, 'exchange', options.exchange ?? 'nameko-rpc')
    this.timeoutMs = timeoutMsOf(WHERE, options.timeout, TIMEOUT_MS)
    this.maxBytes = largestBody(options.maxBytes, (why) => invalid(WHERE, why))
    host.work.add(this)
  }

  service<T extends object>(name: string, options: NamekoCallOptions = {}): NamekoService<T> {
    checkName('nameko.service', 'a service', name)
    refuseUnknown(options, CALL, (why) => invalid('nameko.service', why))
    return serviceProxy((method, request) => this.call(name, method, { ...options, ...request }))
  }

  async call<T = unknown>(service: string, method: string, request: NamekoCallRequest = {}): Promise<T> {
    const where = `nameko.call("${String(service).slice(0, 60)}", "${String(method).slice(0, 60)}")`
    const name = routingKeyOf(checkName(where, 'a service', service), checkMethod(where, method))
    refuseUnknown(request, REQUEST, (why) => invalid(where, why))
    const { args = [], kwargs = {}, signal, context = {} } = request
    if (!Array.isArray(args)) throw invalid(where, 'args are a list')
    if (!isObject(kwargs)) throw invalid(where, 'kwargs are an object')
    if (!isObject(context)) throw invalid(where, 'context is an object')
    const timeoutMs = timeoutMsOf(where, request.timeout, this.timeoutMs)
    const body = encodeRequest(name, { args, kwargs }, this.maxBytes)
    const send = async () => {
      // The address of the broker may come from Nacos.
      await unlessAborted(this.host.configured, signal)
      const client = this.open(where)
      return client.call({ service, method, body, headers: this.headers(context), timeoutMs, signal })
    }
    const span = { kind: CLIENT, attributes: rpcAttributes(service, method) }
    return (await traced(this.host.recorder, `call ${name}`, send, {}, 'rpc', span)) as T
  }

  serve(methods: NamekoMethods, options: NamekoServeOptions = {}): NamekoServing {
    const where = 'nameko.serve'
    refuseUnknown(options, SERVE, (why) => invalid(where, why))
    const { concurrency } = options
    if (!isObject(methods)) throw invalid(where, 'expected an object of functions')
    if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency > 0 && concurrency <= MOST))
      throw invalid(where, `concurrency is a whole number from 1 to ${MOST}`)
    const all = Object.entries(methods).map(
      ([name, handler]) => [checkMethod(where, name), methodOf(name, handler)] as const,
    )
    if (this.leaving) throw new SidecarError('SIDECAR_STOPPED', `${where}: the sidecar is leaving`)
    const server = (this.server ??= this.createServer())
    if (concurrency !== undefined) server.setConcurrency(concurrency)
    for (const [name, method] of all) server.add(name, method)
    if (this.state === 'started') server.start()
    return { ready: server.ready }
  }

  start(): void {
    if (this.state !== 'waiting') return
    this.state = 'started'
    this.server?.start()
  }

  stop(): void {
    if (this.state !== 'closed') this.state = 'stopped'
    this.server?.stop()
  }

  get busy(): boolean {
    return this.server?.busy ?? false
  }

  async finish(signal: AbortSignal): Promise<void> {
    await this.server?.finish(signal)
  }

  async close(): Promise<void> {
    this.state = 'closed'
    await Promise.all([this.client?.close(), this.server?.close()])
    // Not before: what was accepted last must reach the broker.
    await this.shared?.release()
  }

  private get leaving(): boolean {
    return this.state === 'stopped' || this.state === 'closed'
  }

  private createServer(): RpcServer {
    const { host, exchange, own, maxBytes } = this
    return new RpcServer({
      ...{ host, exchange, service: own, concurrency: CONCURRENCY, maxBytes },
      connection: () => this.connection('nameko.serve'),
      forwardsToken: () => eventSettings(host).forwardToken,
    })
  }

  private open(where: string): RpcClient {
    const { own, exchange, host, maxBytes } = this
    const connection = this.connection(where)
    return (this.client ??= new RpcClient({ service: own, exchange, connection, logger: host.logger, maxBytes }))
  }

  /** @throws SidecarError `SIDECAR_NAMEKO_INVALID`, `SIDECAR_STOPPED` */
  private connection(where: string): AmqpConnection {
    if (this.state === 'closed') throw new SidecarError('SIDECAR_STOPPED', `${where}: the sidecar has stopped`)
    const { url } = this.options
    const wanted = url ?? eventSettings(this.host).url
    if (wanted?.startsWith('memory:')) throw invalid(where, `calls of Nameko go over RabbitMQ, not over ${wanted}`)
    return (this.shared ??= amqpOf(this.host, url)).connection
  }

  private headers(context: NamekoContext): Record<string, unknown> {
    const headers = headersOfContext(this.host, `${this.own}.call`, eventSettings(this.host).forwardToken)
    return { ...headers, ...namekoHeadersOf(context) }
  }
}

function timeoutMsOf(where: string, value: unknown, fallback: number): number {
  return timeoutOf('timeout', value, fallback, (why) => invalid(where, why))
}
