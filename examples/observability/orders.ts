import './tracing.js'
import fastify from 'fastify'
import { configLocal, defineClient, GET, initSidecar } from 'nacos-sidecar'

const app = fastify()
const sidecar = await initSidecar(app)
const prices = defineClient('prices', {
  of: GET('/prices/{item}').as<(of: { item: string }) => Promise<{ price: number }>>(),
})

app.get<{ Params: { user: string } }>('/orders/:user', async ({ params }, reply) => {
  if (params.user === 'unknown') return reply.code(404).send({ message: 'there is no such user' })
  const items = ['tea', 'cup']
  const found = await Promise.all(items.map((item) => prices.of({ item })))
  return { items, total: found.reduce((sum, { price }) => sum + price, 0) }
})
app.get('/figures', () => sidecar.stats().operations)

await app.listen({ port: configLocal('server.port', 0), host: '127.0.0.1' })
