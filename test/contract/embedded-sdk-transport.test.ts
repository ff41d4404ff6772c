import { wholeContract } from './suites/whole.js'
import { onEmbedded } from './support/embedded.js'
import { realDurations } from '../support/scale.js'

// Our transport over the official npm SDK, which speaks v1.
await onEmbedded({ apis: 'v1', apiVersion: 'v1', client: 'npm nacos' }, wholeContract)
if (realDurations) await onEmbedded({ apis: 'v1', apiVersion: 'v1', client: 'npm nacos', auth: true }, wholeContract)
