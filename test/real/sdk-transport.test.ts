import { wholeContract } from '../contract/suites/whole.js'
import { onServer, SERVER_IDS } from './support/on-server.js'

// Our transport over the official npm SDK, which speaks v1 and sends user and password with each request; r-nacos takes
// tokens only.
const seen = new Set<string>()
for (const id of SERVER_IDS) {
  onServer(
    id,
    (target) => {
      // One client, whatever else the server speaks.
      if (!seen.has(target.server)) wholeContract({ ...target, apiVersion: 'v1', client: 'npm nacos' })
      seen.add(target.server)
    },
    { has: 'sdk', lack: 'does not let the npm SDK in: it speaks v1, and sends user and password with each request' },
  )
}
