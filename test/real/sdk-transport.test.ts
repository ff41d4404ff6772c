import { wholeContract } from '../contract/suites/whole.js'
import { onServer, SERVER_IDS } from './support/on-server.js'

// Our transport over the official npm SDK, which speaks v1 and sends user and password with each request; r-nacos takes
// tokens only.
for (const id of SERVER_IDS.filter((one) => one !== 'rnacos-auth')) {
  onServer(id, (target) => {
    if (target.apiVersion === 'v1') wholeContract({ ...target, client: 'npm nacos' })
  })
}
