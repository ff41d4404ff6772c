/**
 * `npm run example:orders`: the three services in one process, with nothing else running. `NACOS_SERVER` and `RABBITMQ_URL` name real ones.
 */
import { startDevServer } from 'nacos-sidecar/dev-server'
import { runServices } from 'nacos-sidecar/service'
import mail from './mail.js'
import orders from './orders.js'
import stock from './stock.js'

const registry = process.env['NACOS_SERVER'] ? undefined : await startDevServer({ port: 0 })
const settings = registry ? { 'cloud.nacos.server-addr': registry.address } : {}
const { services } = await runServices([stock, orders, mail], { settings, host: '127.0.0.1' })
const [, shop] = services

console.log(`
stock, orders and mail run${registry ? `; the registry has a console: ${registry.url}` : ''}

Place an order, and look at it:

  curl -H 'content-type: application/json' -d '{"item":"tea","count":2,"mail":"ada@example.com"}' ${shop!.url}/orders
  curl ${shop!.url}/orders/<id>

There are 10 × tea and 3 × cup. Ctrl-C ends it.
`)
