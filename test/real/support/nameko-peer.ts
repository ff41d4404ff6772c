import type { EventBus } from 'nacos-sidecar/events'
import { namekoRpc, type NamekoRpc } from 'nacos-sidecar/nameko'
import { expect, onTestFinished, vi } from 'vitest'
import type { ContractPeer } from '../../support/event-contract.js'

const OURS = 'this is of `bus.emit`, and the peer emits here'

/** Tests of the contract that make no sense with Nameko as peer. */
const WITHOUT: ContractPeer['without'] = {
  'a codec of the app': 'the codecs of Nameko are registered in Python',
  'an id, the time, the attempt, and headers': 'Nameko sends neither an id nor a time',
  'figures of what was emitted and handled': OURS,
  'one trace: the span of the handler is below that of the emit': 'Nameko makes no spans',
  'emit works in stop hooks, and not after the stop': OURS,
  'emit waits for the connection, and rejects when its time is over': OURS,
  'emit rejects with the reason of its signal': OURS,
}

/** A handler of Nameko beside those of a test. */
interface Beside {
  /** Its number. */
  readonly ready: Promise<string>
  /** What was emitted since. */
  readonly expected: unknown[]
}

/** `ContractPeer` of test/real/nameko/contract_peer.py takes part in the contract of events. */
export interface NamekoPeer extends ContractPeer {
  /** Emits a body as it is, without an id. */
  send(source: string, type: string, message: { body: Buffer; contentType: string; headers?: object }): Promise<void>
}

/** @param rpc of a service that is there in all tests @param url of RabbitMQ itself: faults between it and the sidecars are not those of the peer */
export function namekoPeer(rpc: () => NamekoRpc, url: () => string): NamekoPeer {
  const all = new Map<string, Beside>()
  const besideOf = (source: string, type: string) =>
    ['pool', 'broadcast'].flatMap((mode) => all.get(`${source} ${type} ${mode}`) ?? [])
  const seen = (number: string) => rpc().call<unknown[]>('contract_peer', 'seen', { args: [number] })
  const handle = (source: string, type: string, mode: string) =>
    rpc().call<string>('contract_peer', 'handle', { args: [source, type, mode] })

  /** A service of Nameko handles the same events in the same mode: it must get what was emitted, too. */
  function addBeside(source: string, type: string, mode: string): Beside {
    const key = `${source} ${type} ${mode}`
    const known = all.get(key)
    if (known !== undefined) return known
    const added: Beside = { ready: handle(source, type, mode), expected: [] }
    added.ready.catch(() => {})
    all.set(key, added)
    onTestFinished(async () => {
      const number = await added.ready
      const complete = async () => expect(sorted(await seen(number))).toEqual(sorted(added.expected))
      await vi.waitFor(complete, { timeout: 10_000, interval: 20 })
    })
    return added
  }

  async function emit(by: NamekoRpc, source: string, type: string, data: unknown, properties: object, headers: object) {
    const sent = data instanceof Uint8Array ? Buffer.from(data).toString('base64') : data
    const method = data instanceof Uint8Array ? 'emit_bytes' : 'emit'
    await by.call('contract_peer', method, { args: [source, type, sent, headers, properties] })
  }

  return {
    without: WITHOUT,
    join({ sidecar, bus }, service) {
      const on: EventBus['on'] = (source, type, handler, options = {}) => {
        const subscription = bus.on(source, type, handler, options)
        const { mode = 'pool' } = options
        // They share the events of a singleton: a test that has one knows of it.
        const { ready } = mode === 'singleton' ? subscription : addBeside(source, type, mode)
        return Object.assign(subscription, { ready: Promise.all([subscription.ready, ready]).then(() => {}) })
      }
      return {
        on,
        status: () => bus.status(),
        async emit(type, data, { source = service, messageId, headers = {}, contentType } = {}) {
          const besides = besideOf(source, type)
          await Promise.all(besides.map(({ ready }) => ready))
          const bytes = data instanceof Uint8Array
          const written = contentType ?? (bytes ? 'application/octet-stream' : undefined)
          const properties = {
            ...(messageId !== undefined && { message_id: messageId }),
            ...(written !== undefined && { content_type: written, content_encoding: bytes ? 'binary' : 'utf-8' }),
          }
          await emit(namekoRpc(sidecar, { url: url() }), source, type, data, properties, headers)
          for (const { expected } of besides)
            expected.push(bytes ? { base64: Buffer.from(data).toString('base64') } : data)
        },
      }
    },
    async share(source, type) {
      const number = await handle(source, type, 'singleton')
      return () => seen(number)
    },
    async send(source, type, { body, contentType, headers = {} }) {
      await emit(rpc(), source, type, body, { content_type: contentType, content_encoding: 'utf-8' }, headers)
      // What cannot be read is left out by Nameko.
      const data = readable(body)
      if (data !== undefined) for (const { expected } of besideOf(source, type)) expected.push(data)
    },
  }
}

const sorted = (data: readonly unknown[]) => data.map((one) => JSON.stringify(one)).sort()

function readable(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}
