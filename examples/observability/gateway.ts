import './tracing.js'
import express from 'express'
import { configLocal, defineClient, FeignError, GET, initSidecar } from 'nacos-sidecar'

const app = express()
const sidecar = await initSidecar(app)
const orders = defineClient('orders', {
  of: GET('/orders/{user}').as<(of: { user: string }) => Promise<{ total: number }>>(),
})

app.get('/carts/:user', async (request, response) => {
  try {
    // A figure and a span of the app's own; the calls in it are below it in the trace.
    response.json(await sidecar.traced('fill the cart', () => orders.of({ user: request.params.user })))
  } catch (error) {
    if (!(error instanceof FeignError)) throw error
    response.status(error.status ?? 502).json({ code: error.code })
  }
})
app.get('/figures', (_request, response) => void response.json(sidecar.stats().operations))

app.listen(configLocal('server.port', 0), '127.0.0.1')
