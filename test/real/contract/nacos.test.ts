import { wholeContract } from '../../contract/suites/whole.js'
import { onServer } from '../support/on-server.js'

onServer('nacos', wholeContract)
onServer('nacos-auth', wholeContract)
