import express from 'express'
import { configLocal, configRemote, initSidecar } from 'nacos-sidecar'

const app = express()
void initSidecar(app)

app.get('/public/hello/:name', (req, res) => {
  res.json({
    message: `${configRemote('greeting', 'Hello')} ${req.params.name}`,
    framework: 'express',
    pid: process.pid,
  })
})
app.get('/admin/report', (_req, res) => {
  res.json({ report: 'for eyes with a token', framework: 'express' })
})

app.listen(configLocal('server.port', 9201))
