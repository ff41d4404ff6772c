import { wholeContract } from './suites/whole.js'
import { onEmbedded } from './support/embedded.js'

// As a Nacos 2.x.
await onEmbedded({ apis: 'v1', apiVersion: 'v1' }, wholeContract)
