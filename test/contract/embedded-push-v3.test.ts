import { pushContract } from './suites/push.js'
import { onEmbedded } from './support/embedded.js'

// A 3.0 and a 3.2.
await onEmbedded({ apis: 'both', apiVersion: 'v3', concurrent: true }, (target) => pushContract(target, 'push'))
await onEmbedded({ apis: 'v3', apiVersion: 'v3', concurrent: true }, (target) => pushContract(target, 'push'))
