import { fileURLToPath } from 'node:url'
import { credentials, loadPackageDefinition } from '@grpc/grpc-js'
import type { ClientDuplexStream, ServiceClientConstructor, ServiceError } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import type { DevServer } from 'nacos-sidecar/testing'
import { expect, onTestFinished, vi } from 'vitest'

/** What travels, as proto-loader shows it. */
interface WirePayload {
  metadata: { type: string; clientIp?: string; headers?: Record<string, string> }
  body: { value: Buffer | Uint8Array }
}

export interface Said {
  readonly type: string
  readonly body: Record<string, any> // eslint-disable-line @typescript-eslint/no-explicit-any -- JSON of a server
}

export type Body = Readonly<Record<string, unknown>>

// Nothing of src: the wire is judged by the service definition and Google's own code.
const definition = loadPackageDefinition(
  loadSync(fileURLToPath(new URL('../../fixtures/wire/nacos.proto', import.meta.url)), {
    keepCase: true,
    defaults: true,
  }),
) as unknown as Record<'Request' | 'BiRequestStream', ServiceClientConstructor>

/** A bare gRPC client of a Nacos server. Pushes are kept until they are asked for; none is acknowledged by itself. */
export class RawClient {
  readonly pushes: Said[] = []
  readonly #calls: InstanceType<ServiceClientConstructor>
  readonly #streams: InstanceType<ServiceClientConstructor>
  #stream: ClientDuplexStream<WirePayload, WirePayload> | undefined
  /** `end`, or the error that ended the stream. */
  ended: string | undefined
  token: string | undefined

  constructor(address: string) {
    const own = { 'grpc.use_local_subchannel_pool': 1 }
    this.#calls = new definition.Request(address, credentials.createInsecure(), own)
    // One socket for both: the server knows a connection by it.
    this.#streams = new definition.BiRequestStream(address, credentials.createInsecure(), {
      channelOverride: this.#calls.getChannel(),
    })
  }

  request(type: string, body: Body, headers: Record<string, string> = {}): Promise<Said> {
    const payload = wire(type, body, { ...(this.token !== undefined && { accessToken: this.token }), ...headers })
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, answer: WirePayload) => (error ? reject(error) : resolve(said(answer)))
      this.#calls['request']!(payload, { deadline: Date.now() + 5_000 }, done)
    })
  }

  /** Opens the stream if there is none yet. */
  send(type: string, body: Body): void {
    if (!this.#stream) {
      const stream = this.#streams['requestBiStream']!() as ClientDuplexStream<WirePayload, WirePayload>
      stream.on('data', (payload: WirePayload) => this.pushes.push(said(payload)))
      stream.on('end', () => (this.ended ??= 'end'))
      stream.on('error', (error: Error) => (this.ended ??= error.message))
      this.#stream = stream
    }
    this.#stream.write(wire(type, body, {}))
  }

  /** Sets the connection up, and waits until the server has taken it. */
  async setUp(body: Body = {}): Promise<this> {
    await this.request('ServerCheckRequest', {})
    this.send('ConnectionSetupRequest', {
      clientVersion: 'Nacos-Test-Client:v1',
      abilityTable: {},
      tenant: '',
      labels: { module: 'naming' },
      ...body,
    })
    await vi.waitFor(async () =>
      expect((await this.request('HealthCheckRequest', {})).type).toBe('HealthCheckResponse'),
    )
    return this
  }

  /** The same, past the greeting of a 3.x server. */
  async connect(body: Body = {}): Promise<this> {
    const check = await this.request('ServerCheckRequest', {})
    await this.setUp(body)
    if (check.body['supportAbilityNegotiation']) await this.push('SetupAckRequest')
    return this
  }

  /** The next push of this type, acknowledged unless told otherwise; others stay. */
  async push(type: string, { acknowledge = true, withinMs = 3_000 } = {}): Promise<Said['body']> {
    const found = () => this.pushes.findIndex((push) => push.type === type)
    await vi.waitFor(() => expect(found(), `a ${type}`).toBeGreaterThanOrEqual(0), { timeout: withinMs, interval: 2 })
    const [push] = this.pushes.splice(found(), 1)
    if (acknowledge) this.acknowledge(push!)
    return push!.body
  }

  acknowledge(push: Said, resultCode = 200): void {
    this.send(push.type.replace(/Request$/, 'Response'), { requestId: push.body['requestId'], resultCode })
  }

  /** Ends the stream in good order and keeps the socket. */
  endStream(): void {
    this.#stream?.end()
    this.#stream = undefined
    this.ended = undefined
  }

  /** Leaves the stream open; the next `send` opens another on the same socket. */
  forgetStream(): void {
    this.#stream = undefined
  }

  close(): void {
    this.#stream?.cancel()
    this.#calls.close()
  }
}

/** A client that ends with the test, not yet set up. */
export function rawClient(registry: DevServer): RawClient {
  const client = new RawClient(`127.0.0.1:${registry.grpcPort}`)
  onTestFinished(() => client.close())
  return client
}

function wire(type: string, body: Body, headers: Record<string, string>): WirePayload {
  return { metadata: { type, clientIp: '10.9.8.7', headers }, body: { value: Buffer.from(JSON.stringify(body)) } }
}

function said({ metadata, body }: WirePayload): Said {
  return { type: metadata.type, body: JSON.parse(Buffer.from(body.value).toString('utf8')) as Said['body'] }
}

/** A naming request for `DEFAULT_GROUP@@name`. */
export function service(name: string, rest: Body = {}): Body {
  return { namespace: 'public', serviceName: name, groupName: 'DEFAULT_GROUP', module: 'naming', headers: {}, ...rest }
}

export function subscription(name: string, rest: Body = {}): Body {
  return service(name, { subscribe: true, clusters: '', ...rest })
}

export function registration(name: string, port: number, rest: Body = {}, type = 'registerInstance'): Body {
  const instance = {
    ip: '10.0.0.2',
    port,
    weight: 1,
    healthy: true,
    enabled: true,
    ephemeral: true,
    metadata: { v: '1' },
  }
  return service(name, { type, instance: { ...instance, clusterName: 'DEFAULT', serviceName: name, ...rest } })
}

export function config(dataId: string, rest: Body = {}): Body {
  return { dataId, group: 'DEFAULT_GROUP', tenant: '', module: 'config', headers: {}, ...rest }
}

export function listening(dataId: string, md5: string, listen = true): Body {
  return { listen, configListenContexts: [{ ...config(dataId), md5 }], module: 'config', headers: {} }
}

/** The ports of a list, in order. */
export function portsOf(info: { hosts: { port: number }[] }): number[] {
  return info.hosts.map(({ port }) => port).sort((a, b) => a - b)
}
