import { pushContract } from './suites/push.js'
import { onEmbedded } from './support/embedded.js'

// A 2.x, and one that wants a login.
await onEmbedded({ apis: 'v1', apiVersion: 'v1', concurrent: true }, (target) => pushContract(target, 'push'))
await onEmbedded({ apis: 'v1', apiVersion: 'v1', auth: true, concurrent: true }, (target) =>
  pushContract(target, 'push'),
)
