import { namingContract } from './suites/naming.js'
import { wholeContract } from './suites/whole.js'
import { onEmbedded } from './support/embedded.js'
import { realDurations } from '../support/scale.js'

// As a Nacos 3.2, which has lost v1, and as a 3.0 that speaks both.
await onEmbedded({ apis: 'v3', apiVersion: 'v3' }, wholeContract)
// As a Nacos 3.1 whose v1 is switched off.
// It lists in another way, and does all else as the others do.
await onEmbedded(
  { apis: 'v3', apiVersion: 'v3', listWithoutCluster: 'default' },
  realDurations ? wholeContract : namingContract,
)
if (realDurations) await onEmbedded({ apis: 'both', apiVersion: 'v3' }, wholeContract)
