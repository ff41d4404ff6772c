import { Client, credentials, type ClientDuplexStream } from '@grpc/grpc-js'
import type { Contender, OpenOptions } from './contender.js'
import { decodePayload, encodePayload, type Message } from './payload.js'

/**
 * The reference: what the server's own push takes. As little as a client can be, without any of our code: it registers
 * over HTTP and subscribes over gRPC, like a sidecar, and keeps nothing.
 */
export async function openBareGrpc({ server, grpcPort }: OpenOptions): Promise<Contender> {
  const client = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure())
  const listeners = new Map<string, (ports: readonly number[]) => void>()
  let why: string | undefined = 'it is not connected yet'

  const ask = (type: string, body: object) =>
    new Promise<Message>((resolve, reject) =>
      client.makeUnaryRequest('/Request/request', encodePayload, decodePayload, { type, body }, (error, answer) =>
        answer ? resolve(answer) : reject(error ?? new Error('no answer')),
      ),
    )

  let stream: ClientDuplexStream<Message, Message> | undefined
  const connected = (async () => {
    await ask('ServerCheckRequest', {})
    stream = client.makeBidiStreamRequest('/BiRequestStream/requestBiStream', encodePayload, decodePayload)
    stream.on('error', (error) => (why = error.message))
    stream.on('data', ({ type, body }: Message) => {
      const { requestId, serviceInfo } = body as { requestId?: string; serviceInfo?: ServiceInfo }
      if (requestId) stream!.write({ type: type.replace('Request', 'Response'), body: { requestId, resultCode: 200 } })
      if (serviceInfo) tell(serviceInfo)
    })
    const labels = { source: 'sdk', module: 'naming' }
    stream.write({
      type: 'ConnectionSetupRequest',
      body: { clientVersion: 'bench', abilityTable: {}, tenant: '', labels },
    })
    // The server answers nothing to it; a subscription before it is done is refused.
    for (;;) {
      const { type } = await ask('HealthCheckRequest', {})
      if (type === 'HealthCheckResponse') break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    why = undefined
  })()
  connected.catch((error: Error) => (why = error.message))

  // Some servers send the name with its group.
  const tell = ({ name, hosts }: ServiceInfo) =>
    listeners.get(name.replace(/^.*@@/, ''))?.((hosts ?? []).map(({ port }) => port))

  return {
    async register(serviceName, port) {
      const body = new URLSearchParams({ serviceName, ip: '127.0.0.1', port: String(port) })
      await (await fetch(`http://${server}/nacos/v1/ns/instance`, { method: 'POST', body })).text()
    },
    follow(serviceName, listener) {
      listeners.set(serviceName, listener)
      const body = { namespace: 'public', groupName: 'DEFAULT_GROUP', module: 'naming', headers: {}, clusters: '' }
      connected
        .then(() => ask('SubscribeServiceRequest', { ...body, serviceName, subscribe: true }))
        .catch((error: Error) => (why = error.message))
    },
    publish: () => Promise.reject(new Error('the reference is for services only')),
    listen() {},
    lacking: () => why,
  }
}

interface ServiceInfo {
  readonly name: string
  readonly hosts?: readonly { readonly port: number }[]
}
