import { sdkContract } from '../contract/suites/sdk.js'
import { onServer, SERVER_IDS } from './support/on-server.js'

// The SDK sends user and password with each request; r-nacos takes tokens only.
for (const id of SERVER_IDS.filter((one) => one !== 'rnacos-auth')) onServer(id, sdkContract)
