import { pushContract } from './suites/push.js'
import { onEmbedded } from './support/embedded.js'
import { realDurations } from '../support/scale.js'

await onEmbedded({ apis: 'v1', apiVersion: 'v1', concurrent: true }, (target) => pushContract(target, 'poll'))
await onEmbedded({ apis: 'v3', apiVersion: 'v3', concurrent: true }, (target) => pushContract(target, 'poll'))
if (realDurations) {
  await onEmbedded({ apis: 'v1', apiVersion: 'v1', auth: true, concurrent: true }, (target) =>
    pushContract(target, 'poll'),
  )
}
