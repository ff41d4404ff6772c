import { setInterval } from 'node:timers/promises'
import express from 'express'
import { configLocal, initSidecar } from 'nacos-sidecar'

const app = express()
// The caller's address and scheme, as the proxy in front says them.
app.set('trust proxy', 'loopback, linklocal, uniquelocal')
app.use(express.json())
await initSidecar(app)

app.get('/orders/:id', (req, res) => void res.json({ id: req.params.id, caller: req.ip, pid: process.pid }))
app.post('/orders', (req, res) => void res.status(201).json({ ...req.body, pid: process.pid }))
app.get('/events', async (req, res) => {
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  res.write(`data: ${process.pid}\n\n`)
  for await (const _ of setInterval(1_000)) {
    if (req.destroyed || res.writableEnded) return
    res.write(`data: ${process.pid}\n\n`)
  }
})

app.listen(configLocal('server.port', 9202))
