/**
 * Calls a service at a steady rate through a typed client of the built package, with its defaults, and
 * tells its parent of every call that fails. It retries nothing itself.
 *   REGISTRY  host:port
 *   SERVICE   its name
 *   RATE      calls a second, half of them GET, half POST
 *   PUSH      auto or off
 *   CLIENT    further options of the client, as JSON
 */
import { defineClient, GET, initSidecar, POST } from 'nacos-sidecar'

const { env } = process
const rate = Number(env.RATE)
/** A consumer that cannot keep up must not pile up calls: that would be another test. */
const MAX_IN_FLIGHT = 400
const TICK_MS = 5

await initSidecar(undefined, {
  configPath: false,
  settings: {
    cloud: { nacos: { serverAddr: env.REGISTRY, discovery: { registerEnabled: false }, config: { enabled: false } } },
    sidecar: { push: env.PUSH, ...JSON.parse(env.SIDECAR ?? '{}') },
  },
})
const client = defineClient(
  { name: env.SERVICE, ...JSON.parse(env.CLIENT ?? '{}') },
  { find: GET('/items/{id}').as(), create: POST('/items').as() },
)

const totals = {
  get: { sent: 0, failed: 0, slowestMs: 0 },
  post: { sent: 0, failed: 0, slowestMs: 0 },
}
let inFlight = { get: 0, post: 0 }
let number = 0
let behind = 0

/** Every tenth call has its connection closed, every eighth keeps the provider busy for a while. */
async function call() {
  const id = number++
  const verb = id % 2 ? 'post' : 'get'
  const query = { ...(id % 10 < 1 && { close: 1 }), ...(id % 16 < 2 && { wait: 20 }) }
  const startedAt = Date.now()
  const began = performance.now()
  totals[verb].sent++
  inFlight[verb]++
  try {
    if (verb === 'get') {
      const { url } = await client.find({ id, query })
      if (!url.startsWith(`/items/${id}`)) throw new Error(`asked for ${id}, got ${url}`)
    } else {
      const { body } = await client.create({ body: { id }, query })
      if (body.id !== id) throw new Error(`sent ${id}, got back ${body.id}`)
    }
  } catch (error) {
    totals[verb].failed++
    process.send({
      type: 'failure',
      verb,
      startedAt,
      endedAt: Date.now(),
      port: error.instance?.port,
      code: error.code,
      message: error.message,
    })
  } finally {
    inFlight[verb]--
    totals[verb].slowestMs = Math.max(totals[verb].slowestMs, Math.round(performance.now() - began))
  }
}

const began = performance.now()
let due = 0
const timer = setInterval(() => {
  const owed = Math.floor(((performance.now() - began) / 1000) * rate) - due
  for (let i = 0; i < owed; i++) {
    due++
    if (inFlight.get + inFlight.post >= MAX_IN_FLIGHT) behind++
    else void call()
  }
}, TICK_MS)

process.on('message', async ({ type, as }) => {
  if (type === 'count') return process.send({ type: as, sent: totals.get.sent + totals.post.sent })
  clearInterval(timer)
  const seconds = (performance.now() - began) / 1000
  while (inFlight.get + inFlight.post > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  process.send({ type: 'result', totals, behind, seconds })
  process.disconnect()
  process.exit()
})
process.send({ type: 'calling' })
