import type { DevServerOptions } from 'nacos-sidecar/testing'
import { describe, expect, it } from 'vitest'
import { devRegistry, form } from '../../support/registry.js'
import { wireMessages, type WireMessage, type WireServer } from '../../support/wire.js'
import { rawClient, type RawClient, type Said } from './grpc-client.js'

/**
 * The embedded registry against the gRPC payloads of real servers: every recorded request is sent in file order, every
 * push awaited where it was recorded, and what comes back must be the recorded thing but for times and request ids.
 */
interface Step {
  readonly title: string
  readonly sent?: { readonly type: string; readonly headers: WireMessage['headers']; readonly body: Said['body'] }
  readonly answer?: Said
  readonly push?: Said
}

interface Session {
  readonly server: WireServer
  readonly options: DevServerOptions
  /** Sent, for its effect on what follows, and known to differ. */
  readonly skip: readonly { case: string; reason: string }[]
  /** Only names and types of the values are compared. */
  readonly shape: readonly { case: string; reason: string }[]
}

const CAS = 'casMd5 is honoured, as by 3.x'

const sessions: Session[] = [
  {
    server: 'nacos-2.2.4',
    options: { apis: ['v1'] },
    skip: [{ case: 'publish with a stale md5 (CAS)', reason: CAS }],
    shape: [],
  },
  {
    server: 'nacos-3.0.3',
    options: {},
    skip: [],
    shape: [{ case: 'SetupAckRequest', reason: 'it says what this registry can do, which is less' }],
  },
]

describe.each(sessions)('gRPC as $server', ({ server, options, skip, shape }) => {
  it('answers and pushes what the server did', async () => {
    const registry = await devRegistry(options)
    const unused = new Set([...skip, ...shape].map((rule) => rule.case))
    const rule = (rules: Session['skip'], step: Step) => {
      const found = rules.find((each) => each.case === step.title || each.case === step.push?.type)
      if (found) unused.delete(found.case)
      return found !== undefined
    }
    const compare = (step: Step, got: Said, recorded: Said) => {
      const skipped = rule(skip, step)
      const view = rule(shape, step) ? typesOf : stable
      const seen = ({ type, body }: Said) => ({ case: step.title, type, body: view(body) })
      // A skip that is not needed would hide the day on which it is.
      if (skipped) expect(seen(got)).not.toEqual(seen(recorded))
      else expect(seen(got)).toEqual(seen(recorded))
    }

    // The recorder had a client for naming, a second one, and one for configs.
    const clients: RawClient[] = [rawClient(registry)]
    let setups = 0
    let compared = 0
    const service = steps(server).find((step) => step.sent?.type === 'SubscribeServiceRequest')!.sent!.body[
      'serviceName'
    ]
    const instance = { serviceName: service, ip: '10.0.0.1', port: 8001 }
    for (const step of steps(server)) {
      const client =
        setups === 3 ? clients[2]! : step.title === 'register on a second connection' ? clients[1]! : clients[0]!
      if (step.push) {
        const heard = step.push.type === 'SetupAckRequest' ? clients[setups - 1]! : client
        if (step.push.body['requestId'] === '1') {
          const more = { clusterName: 'BLUE', weight: 2, metadata: '{"a":"1","城":"杭州"}' }
          await form(registry, 'POST', '/v1/ns/instance', { ...instance, ...more })
        } else if (step.push.body['requestId'] === '5') {
          await form(registry, 'DELETE', '/v1/ns/instance', instance)
        }
        compare(step, { type: step.push.type, body: await heard.push(step.push.type) }, step.push)
        compared++
      } else if (step.sent?.type === 'ConnectionSetupRequest') {
        if (setups > 0) clients.push(rawClient(registry))
        await clients[setups++]!.setUp(step.sent.body)
      } else if (step.sent && step.answer) {
        compare(step, await client.request(step.sent.type, step.sent.body, step.sent.headers), step.answer)
        compared++
      }
    }
    expect(compared).toBeGreaterThan(30)
    expect([...unused], 'rules that match no case').toEqual([])
    // Nothing beyond what was recorded.
    for (const client of clients) expect(client.pushes).toEqual([])
  })
})

/** The file as a list of steps; acknowledgements are left to the client. */
function steps(server: WireServer): Step[] {
  return wireMessages(server).map(({ title, messages }) => {
    const part = (from: WireMessage['from']) => {
      const message = messages.find((each) => each.from === from)
      return message && { ...message, body: JSON.parse(message.json) as Said['body'] }
    }
    const push = part('push')
    return push ? { title, push } : { title, sent: part('client'), answer: part('server') }
  })
}

/** Without what differs from run to run, and in one order. */
function stable(value: unknown, key = ''): unknown {
  if (['lastRefTime', 'lastModified', 'connectionId', 'requestId'].includes(key) && value !== 0)
    return `<${typeof value}>`
  if (Array.isArray(value)) {
    return value.map((item) => stable(item)).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, item]) => [name, stable(item, name)]))
}

function typesOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, typesOf(item)]))
}
