import { wholeContract } from './suites/whole.js'
import { onEmbedded } from './support/embedded.js'
import { realDurations } from '../support/scale.js'

await onEmbedded({ apis: 'v1', apiVersion: 'v1', auth: true }, wholeContract)
// In `npm test` a login is tried with v1.
if (realDurations) await onEmbedded({ apis: 'v3', apiVersion: 'v3', auth: true }, wholeContract)
