import { wholeContract } from '../../contract/suites/whole.js'
import { onServer } from '../support/on-server.js'

onServer('rnacos', wholeContract)
onServer('rnacos-auth', wholeContract)
