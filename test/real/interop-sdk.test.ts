import { sdkContract } from '../contract/suites/sdk.js'
import { onServer, SERVER_IDS } from './support/on-server.js'

for (const id of SERVER_IDS) {
  onServer(id, sdkContract, {
    has: 'sdk',
    lack: 'does not let the npm SDK in: it speaks v1, and sends user and password with each request',
  })
}
