import { wholeContract } from './suites/whole.js'
import { onEmbedded } from './support/embedded.js'

await onEmbedded({ apis: 'v1', apiVersion: 'v1', auth: true }, wholeContract)
await onEmbedded({ apis: 'v3', apiVersion: 'v3', auth: true }, wholeContract)
