import express from 'express'
import { configLocal, initSidecar } from 'nacos-sidecar'

/** A stand-in for a company's central auth service: `reader` may read, `guest` is known but may not. */
const app = express()
void initSidecar(app)

app.get('/external/auth/check', (req, res) => {
  const token = req.headers.authorization?.replace(/^Bearer /i, '')
  if (token === 'reader') res.json({ code: 200, data: { hasPermission: true } })
  else if (token === 'guest') res.json({ code: 200, data: { hasPermission: false } })
  else res.status(401).json({ code: 401, message: 'unknown token' })
})

app.listen(configLocal('server.port', 9200))
