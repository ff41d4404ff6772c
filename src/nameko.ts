/** `nacos-sidecar/nameko`: calls of services written with Nameko, and answers to theirs, over RabbitMQ. */
import { SidecarError } from './errors.js'
import { checkNames, SidecarNameko } from './nameko/nameko-rpc.js'
import type { NamekoOptions, NamekoRpc } from './nameko/types.js'
import { processSlot } from './process-state.js'
import type { Sidecar } from './sidecar.js'
import { sharedBy } from './util/shared-by.js'

export { SidecarError, type SidecarErrorCode } from './errors.js'
export type { NamekoContext } from './messaging/nameko-context.js'
export { currentNamekoCall, type NamekoCall } from './nameko/current-call.js'
export { NamekoRemoteError, type NamekoErrorFields } from './nameko/errors.js'
export { withParams } from './nameko/signature.js'
export type {
  NamekoCallOptions,
  NamekoCallRequest,
  NamekoMethodCall,
  NamekoMethods,
  NamekoOptions,
  NamekoRpc,
  NamekoService,
  NamekoServeOptions,
  NamekoServing,
} from './nameko/types.js'

/**
 * Calls services written with Nameko, and answers theirs, over the sidecar's connection to RabbitMQ. A second call with the same service,
 * exchange and URL gives the same object: all calls share one queue of replies.
 *
 * @param sidecar what `initSidecar` or `createSidecar` gave
 * @throws SidecarError `SIDECAR_NAMEKO_INVALID` for a wrong option, `SIDECAR_STOPPED` once it is leaving
 * @example
 * const nameko = namekoRpc(sidecar)
 * const greeting = nameko.service<{ hello(name: string): string }>('greeting_service')
 * await greeting.hello('Ada')
 */
export function namekoRpc(sidecar: Sidecar, options: NamekoOptions = {}): NamekoRpc {
  const host = (sidecar as Partial<Sidecar> | undefined)?.host
  if (host === undefined)
    throw new SidecarError(
      'SIDECAR_NAMEKO_INVALID',
      'namekoRpc(sidecar): expected what initSidecar or createSidecar gave',
    )
  checkNames(options)
  const { service = '', exchange = '', url = '' } = options
  const key = JSON.stringify([service, exchange, url])
  const ofHost = processSlot('namekoRpcs', () => new WeakMap())
  const known = ofHost.get(host) ?? new Map<string, NamekoRpc>()
  ofHost.set(host, known)
  return sharedBy(known, key, () => new SidecarNameko(host, options))
}
