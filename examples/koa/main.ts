import Router from '@koa/router'
import Koa from 'koa'
import { configLocal, configRemote, initSidecar } from 'nacos-sidecar'

const app = new Koa()
void initSidecar(app)

const router = new Router()
router.get('/public/hello/:name', (ctx) => {
  ctx.body = {
    message: `${configRemote('greeting', 'Hello')} ${ctx.params['name']}`,
    framework: 'koa',
    pid: process.pid,
  }
})
router.get('/admin/report', (ctx) => {
  ctx.body = { report: 'for eyes with a token', framework: 'koa' }
})
app.use(router.routes())

app.listen(configLocal('server.port', 9203))
