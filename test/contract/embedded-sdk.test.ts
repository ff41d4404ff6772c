import { sdkContract } from './suites/sdk.js'
import { onEmbedded } from './support/embedded.js'

await onEmbedded({ apis: 'both', apiVersion: 'v1' }, sdkContract)
await onEmbedded({ apis: 'both', apiVersion: 'v3' }, sdkContract)
