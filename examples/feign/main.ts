import express from 'express'
import { config, configLocal, FeignError, initSidecar } from 'nacos-sidecar'
import { HelloClient } from './clients.js'

const app = express()
const sidecar = await initSidecar(app)
const hello = new HelloClient()

app.get('/hello/:name', async (req, res) => {
  res.json(await hello.hello(req.params.name))
})

// The caller's token travels on to hello-service by itself, and so does its refusal.
app.get('/report', async (_req, res) => {
  try {
    res.json(await hello.report())
  } catch (error) {
    if (!(error instanceof FeignError)) throw error
    res.status(error.status ?? 502).json({ code: error.code })
  }
})

app.get('/config/:key', (req, res) => {
  res.json({ value: config(req.params.key, ''), from: sidecar.config.explain(req.params.key) })
})

app.listen(configLocal('server.port', 9204))
