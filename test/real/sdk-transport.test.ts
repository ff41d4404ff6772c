import { wholeContract } from '../contract/suites/whole.js'
import { onServer, SERVER_IDS } from './support/on-server.js'

// Our transport over the official npm SDK, which speaks v1 and sends user and password with each request; r-nacos takes
// tokens only.
for (const id of SERVER_IDS) {
  onServer(id, (target) => wholeContract({ ...target, apiVersion: 'v1', client: 'npm nacos' }), {
    has: 'sdk',
    lack: 'does not let the npm SDK in: it speaks v1, and sends user and password with each request',
    once: true,
  })
}
