import { Server, ServerCredentials, type ServerDuplexStream, type ServerUnaryCall } from '@grpc/grpc-js'
import { ownPort } from './own-port.js'
import { services, type ProtoPayload } from './grpc-proto.js'

export type Json = Record<string, unknown>

export interface Seen {
  readonly type: string
  readonly body: Json
  readonly headers: Record<string, string>
  readonly clientIp: string
  readonly via: 'call' | 'stream'
  readonly peer: string
}

interface Client {
  readonly peer: string
  readonly stream: ServerDuplexStream<ProtoPayload, ProtoPayload>
  registered: boolean
  readonly subscribed: Set<string>
  readonly listening: Set<string>
}

/** What a script may say to a request; `undefined` leaves it to the server's own answer, `'hang'` never answers. */
export type Script = (body: Json, seen: Seen) => Json | undefined | 'hang'

export interface ScriptedServerOptions {
  /** @default one that is still free when the server is closed and comes back */
  readonly port?: number
  readonly credentials?: ServerCredentials
  /** Sends `SetupAckRequest` and says so in the server check, as 2.3 and later. */
  readonly negotiates?: boolean
  /** A connection is registered this long after its set-up, as on 2.2.4. */
  readonly registerDelayMs?: number
  /** A batch adds to what the connection has, as on r-nacos, instead of replacing it. */
  readonly batchAdds?: boolean
}

export interface ScriptedServer {
  readonly port: number
  readonly seen: Seen[]
  readonly clients: Map<string, Client>
  of(type: string): Seen[]
  script(type: string, script: Script | undefined): void
  /** Sets the list and pushes it. */
  setHosts(service: string, hosts: Json[], options?: { push?: boolean }): void
  hosts(service: string): Json[]
  /** Sets the document, or deletes it, and pushes the notice. */
  setConfig(dataId: string, content: string | undefined, options?: { notify?: boolean }): void
  /** Sends to every client. */
  push(type: string, body: Json): void
  pushBytes(value: Buffer): void
  serviceInfo(service: string, hosts: Json[], lastRefTime?: number): Json
  /** The clock that `lastRefTime` comes from. */
  clock: { now: number }
  /** Forgets every connection without closing it: 301 from now on. */
  forget(): void
  /** Ends every stream. */
  hangUp(): void
  close(): Promise<void>
}

export const host = (port: number, rest: Json = {}): Json => ({
  ip: '10.0.0.1',
  port,
  weight: 1,
  healthy: true,
  enabled: true,
  ephemeral: true,
  clusterName: 'DEFAULT',
  metadata: {},
  ...rest,
})

/** As much of a Nacos as these tests need, in its own protobuf coding. All services are in public/DEFAULT_GROUP. */
export async function startScriptedServer(options: ScriptedServerOptions = {}): Promise<ScriptedServer> {
  const { createHash } = await import('node:crypto')
  const md5 = (text: string | undefined) =>
    text === undefined ? '' : createHash('md5').update(text, 'utf8').digest('hex')
  const seen: Seen[] = []
  const scripts = new Map<string, Script>()
  const clients = new Map<string, Client>()
  const lists = new Map<string, Map<string, Json & { owner?: string }>>()
  const documents = new Map<string, string>()
  const clock = { now: 1_700_000_000_000 }
  let requestId = 0

  const encode = (type: string, body: Json): ProtoPayload => ({
    metadata: { type, clientIp: '', headers: {} },
    body: { type_url: '', value: Buffer.from(JSON.stringify(body)) },
  })
  const ok = (rest: Json = {}): Json => ({ resultCode: 200, errorCode: 0, success: true, ...rest })
  const no = (errorCode: number, message: string): Json => ({ resultCode: 500, errorCode, message, success: false })
  const note = (payload: ProtoPayload, via: Seen['via'], peer: string): Seen => {
    const entry = {
      type: payload.metadata.type,
      clientIp: payload.metadata.clientIp,
      headers: { ...payload.metadata.headers },
      body: JSON.parse(payload.body.value.toString('utf8')) as Json,
      via,
      peer,
    }
    seen.push(entry)
    return entry
  }
  const listOf = (service: string) => {
    if (!lists.has(service)) lists.set(service, new Map())
    return lists.get(service)!
  }
  const hosts = (service: string) => [...listOf(service).values()].map(({ owner: _owner, ...one }) => one)
  const serviceInfo = (service: string, of: Json[], lastRefTime = (clock.now += 10)): Json => ({
    name: service,
    groupName: 'DEFAULT_GROUP',
    clusters: '',
    cacheMillis: 10000,
    hosts: of,
    lastRefTime,
    checksum: '',
  })
  const send = (client: Client, type: string, body: Json) =>
    client.stream.write(encode(type, { headers: {}, requestId: String(++requestId), ...body }))
  const pushList = (service: string) => {
    for (const client of clients.values()) {
      if (!client.subscribed.has(service)) continue
      send(client, 'NotifySubscriberRequest', { module: 'naming', serviceInfo: serviceInfo(service, hosts(service)) })
    }
  }
  const idOf = (instance: Json) => `${String(instance['ip'])}#${String(instance['port'])}`

  const answers: Record<string, (body: Json, client: Client) => [string, Json]> = {
    HealthCheckRequest: () => ['HealthCheckResponse', ok()],
    SubscribeServiceRequest: (body, client) => {
      const service = body['serviceName'] as string
      if (body['subscribe']) client.subscribed.add(service)
      else client.subscribed.delete(service)
      return ['SubscribeServiceResponse', ok({ serviceInfo: serviceInfo(service, hosts(service)) })]
    },
    ServiceQueryRequest: (body) => {
      const service = body['serviceName'] as string
      return ['QueryServiceResponse', ok({ serviceInfo: serviceInfo(service, hosts(service)) })]
    },
    ServiceListRequest: () => ['ServiceListResponse', ok({ count: lists.size, serviceNames: [...lists.keys()] })],
    InstanceRequest: (body, client) => {
      const service = body['serviceName'] as string
      const list = listOf(service)
      const instance = body['instance'] as Json
      const own = [...list].filter(([, one]) => one.owner === client.peer).map(([id]) => id)
      // Nacos has one entry per connection and service: whatever it is, it goes with this.
      if (body['type'] === 'deregisterInstance') {
        for (const id of options.batchAdds ? [idOf(instance)] : own) list.delete(id)
      } else {
        if (!options.batchAdds) own.forEach((id) => list.delete(id))
        list.set(idOf(instance), { ...instance, owner: client.peer })
      }
      pushList(service)
      return ['InstanceResponse', ok({ type: body['type'] })]
    },
    BatchInstanceRequest: (body, client) => {
      const service = body['serviceName'] as string
      const list = listOf(service)
      if (!options.batchAdds) for (const [id, one] of list) if (one.owner === client.peer) list.delete(id)
      for (const one of body['instances'] as Json[]) list.set(idOf(one), { ...one, owner: client.peer })
      pushList(service)
      return ['BatchInstanceResponse', ok({ type: options.batchAdds ? 'registerInstance' : 'batchRegisterInstance' })]
    },
    ConfigQueryRequest: (body) => {
      const content = documents.get(body['dataId'] as string)
      if (content === undefined) return ['ConfigQueryResponse', no(300, 'config data not exist')]
      return ['ConfigQueryResponse', ok({ content, contentType: 'yaml', md5: md5(content) })]
    },
    ConfigBatchListenRequest: (body, client) => {
      const changed: Json[] = []
      for (const context of body['configListenContexts'] as Json[]) {
        const dataId = context['dataId'] as string
        if (!body['listen']) client.listening.delete(dataId)
        else {
          client.listening.add(dataId)
          if (md5(documents.get(dataId)) !== context['md5'])
            changed.push({ dataId, group: context['group'], tenant: '' })
        }
      }
      return ['ConfigChangeBatchListenResponse', ok({ changedConfigs: changed })]
    },
    ConfigPublishRequest: (body) => {
      const dataId = body['dataId'] as string
      const cas = body['casMd5']
      if (options.negotiates && cas !== undefined && cas !== md5(documents.get(dataId))) {
        return ['ConfigPublishResponse', no(500, 'Cas publish fail, server md5 may have changed.')]
      }
      setConfig(dataId, body['content'] as string)
      return ['ConfigPublishResponse', ok()]
    },
    ConfigRemoveRequest: (body) => {
      setConfig(body['dataId'] as string, undefined)
      return ['ConfigRemoveResponse', ok()]
    },
  }

  const setConfig: ScriptedServer['setConfig'] = (dataId, content, { notify = true } = {}) => {
    if (content === undefined) documents.delete(dataId)
    else documents.set(dataId, content)
    if (!notify) return
    for (const client of clients.values()) {
      if (client.listening.has(dataId)) {
        send(client, 'ConfigChangeNotifyRequest', { module: 'config', dataId, group: 'DEFAULT_GROUP' })
      }
    }
  }

  const server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 })
  server.addService(services.request, {
    request(
      call: ServerUnaryCall<ProtoPayload, ProtoPayload>,
      callback: (error: Error | null, answer?: ProtoPayload) => void,
    ) {
      const peer = call.getPeer()
      const entry = note(call.request, 'call', peer)
      const client = clients.get(peer)
      const scripted = scripts.get(entry.type)?.(entry.body, entry)
      if (scripted === 'hang') return
      const reply = ((): [string, Json] => {
        if (scripted) return ['ScriptedResponse', scripted]
        if (entry.type === 'ServerCheckRequest') {
          return ['ServerCheckResponse', ok(options.negotiates ? { supportAbilityNegotiation: true } : {})]
        }
        if (!client?.registered) return ['ErrorResponse', no(301, 'Connection is unregistered.')]
        return answers[entry.type]?.(entry.body, client) ?? ['ErrorResponse', no(302, 'RequestHandler Not Found')]
      })()
      callback(null, encode(...reply))
    },
  })
  server.addService(services.stream, {
    requestBiStream(stream: ServerDuplexStream<ProtoPayload, ProtoPayload>) {
      const peer = stream.getPeer()
      const client: Client = { peer, stream, registered: false, subscribed: new Set(), listening: new Set() }
      const gone = () => {
        if (!clients.delete(peer)) return
        for (const [service, list] of lists) {
          const own = [...list].filter(([, one]) => one.owner === peer)
          own.forEach(([id]) => list.delete(id))
          if (own.length > 0) pushList(service)
        }
      }
      stream.on('data', (payload: ProtoPayload) => {
        const entry = note(payload, 'stream', peer)
        if (entry.type !== 'ConnectionSetupRequest') return
        clients.set(peer, client)
        setTimeout(() => {
          client.registered = true
          // As 3.x sends it: without a request id.
          if (options.negotiates) stream.write(encode('SetupAckRequest', { headers: {}, abilityTable: {} }))
        }, options.registerDelayMs ?? 0)
      })
      stream.on('error', gone)
      stream.on('cancelled', gone)
      stream.on('end', () => (stream.end(), gone()))
      stream.on('close', gone)
    },
  })
  const wanted = options.port ?? (await ownPort())
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(
      `127.0.0.1:${wanted}`,
      options.credentials ?? ServerCredentials.createInsecure(),
      (error, bound) => (error ? reject(error) : resolve(bound)),
    )
  })

  return {
    port,
    seen,
    clients,
    clock,
    of: (type) => seen.filter((entry) => entry.type === type),
    script: (type, script) => void (script ? scripts.set(type, script) : scripts.delete(type)),
    setHosts(service, of, { push = true } = {}) {
      lists.set(service, new Map(of.map((one) => [idOf(one), one])))
      if (push) pushList(service)
    },
    hosts,
    setConfig,
    push: (type, body) => clients.forEach((client) => void send(client, type, body)),
    pushBytes: (value) =>
      clients.forEach((client) => {
        client.stream.write({
          metadata: { type: 'NotifySubscriberRequest', clientIp: '', headers: {} },
          body: { type_url: '', value },
        })
      }),
    serviceInfo,
    forget: () => clients.forEach((client) => void (client.registered = false)),
    hangUp: () => clients.forEach((client) => client.stream.end()),
    async close() {
      server.forceShutdown()
    },
  }
}
