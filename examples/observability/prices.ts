import './tracing.js'
import { setTimeout as sleep } from 'node:timers/promises'
import Router from '@koa/router'
import Koa from 'koa'
import { configLocal, initSidecar } from 'nacos-sidecar'

const app = new Koa()
const sidecar = await initSidecar(app)
const router = new Router()

router.get('/prices/:item', async (context) => {
  const price = await sidecar.traced('read a price', async () => {
    await sleep(2) // a database
    return context.params['item']!.length
  })
  context.body = { price }
})
router.get('/figures', (context) => void (context.body = sidecar.stats().operations))
app.use(router.routes())

app.listen(configLocal('server.port', 0), '127.0.0.1')
