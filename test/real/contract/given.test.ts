import { wholeContract } from '../../contract/suites/whole.js'
import { onServer } from '../support/on-server.js'

// NACOS_SERVER=host:port npm run test:real
onServer('given', wholeContract)
