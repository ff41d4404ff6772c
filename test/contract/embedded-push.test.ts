import { pushContract } from './suites/push.js'
import { onEmbedded } from './support/embedded.js'

// A 2.x, and one that wants a login.
await onEmbedded({ apis: 'v1', apiVersion: 'v1' }, (target) => pushContract(target, 'push'))
await onEmbedded({ apis: 'v1', apiVersion: 'v1', auth: true }, (target) => pushContract(target, 'push'))
