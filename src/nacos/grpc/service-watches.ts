import { messageOf } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { ServiceKey } from '../../types.js'
import { serviceKeyText } from '../../instance.js'
import { ServiceFollowers } from '../followers.js'
import type { ServiceSource } from '../transport.js'
import { badAnswer } from './errors.js'
import { instancesOf, parseServiceInfo, subscribeService, textOr, type Message, type ServiceInfo } from './messages.js'
import type { Reconciler } from './reconciler.js'
import type { Session } from './session.js'

/** Services that are followed over the link. */
export interface ServiceWatches {
  /** The listener gets every list the registry sends, first the present one; it may get an unchanged one again. */
  readonly watch: ServiceSource
  /** A `NotifySubscriberRequest` of the present connection. */
  onNotify(message: Message): void
}

interface Watch {
  readonly key: ServiceKey
  readonly followers: ServiceFollowers
  session: Session | undefined
  /** The server's clock at the list we have: pushes must be newer. Clocks of two servers do not compare. */
  seenMs: number
  /** The newest push since we asked. */
  pushedMs: number
}

export function createServiceWatches(reconciler: Reconciler<Session>, logger: Logger): ServiceWatches {
  const watches = new Map<string, Watch>()

  const accept = (watch: Watch, info: ServiceInfo): void => {
    watch.seenMs = info.lastRefTimeMs
    watch.followers.emit(instancesOf(watch.key, info.hosts))
  }

  const subscribe = async (watch: Watch, session: Session): Promise<void> => {
    if (watch.session !== session) {
      watch.session = session
      watch.seenMs = Number.NEGATIVE_INFINITY
    }
    watch.pushedMs = Number.NEGATIVE_INFINITY
    const request = subscribeService(watch.key, true)
    const answer = await session.request(request)
    try {
      const info = parseServiceInfo(answer['serviceInfo'])
      // The answer to our own query is valid whatever its timestamp, unless a push overtook it.
      if (watch.session === session && watch.pushedMs <= info.lastRefTimeMs) accept(watch, info)
    } catch (error) {
      throw badAnswer(request.label, session.server, messageOf(error))
    }
  }

  const add = (id: string, key: ServiceKey): Watch => {
    const watch: Watch = {
      key,
      followers: new ServiceFollowers(key, logger, () => {
        watches.delete(id)
        reconciler.release(id)
      }),
      session: undefined,
      seenMs: Number.NEGATIVE_INFINITY,
      pushedMs: Number.NEGATIVE_INFINITY,
    }
    watches.set(id, watch)
    reconciler.ensure(id, {
      label: `subscription of service ${serviceKeyText(key)}`,
      establish: (session) =>
        subscribe(watch, session).catch((error: unknown) => {
          watch.followers.fail(error)
          throw error
        }),
      release: async (session) => void (await session.request(subscribeService(key, false))),
    })
    return watch
  }

  return {
    watch(key, listener, onFailure) {
      const id = `service ${key.namespace} ${serviceKeyText(key)}`
      return (watches.get(id) ?? add(id, key)).followers.add(listener, onFailure)
    },
    onNotify(message) {
      const info = parseServiceInfo(message['serviceInfo'])
      const group = info.group || textOr(message['groupName'], '')
      const namespace = textOr(message['namespace'], undefined)
      const meant = [...watches].filter(
        ([, { key }]) =>
          key.service === info.service &&
          key.group === group &&
          (namespace === undefined || (key.namespace || 'public') === namespace),
      )
      for (const [id, watch] of meant) {
        // Nacos does not send the namespace. Where the name alone does not decide, or where the push is no newer than
        // what we have (repeated, overtaken, forged, or the server's clock was set back), it is not believed: we ask.
        if (meant.length > 1 || info.lastRefTimeMs <= watch.seenMs) {
          reconciler.recheck(id)
          continue
        }
        accept(watch, info)
        watch.pushedMs = info.lastRefTimeMs
      }
      if (meant.length === 0)
        logger.debug(`A push of ${serviceKeyText({ group, service: info.service })} is ignored: nothing watches it`)
    },
  }
}
