import type { BeatTimes } from '../instance.js'
import type { Naming } from '../naming.js'
import { serviceJson } from '../naming-view.js'
import type { Generation, ServiceFilter } from '../naming-view.js'
import type { ServiceId } from '../service.js'
import type { Message } from './message.js'

export interface ServiceList {
  readonly info: Message
  /** Equal where a subscriber would see no difference. */
  readonly content: string
}

export type ServiceInfos = (id: ServiceId, filter: ServiceFilter) => ServiceList

/** A service as gRPC shows it: under its plain name, where HTTP says `group@@name`. */
export function createServiceInfos(naming: Naming, defaults: BeatTimes, generation: Generation): ServiceInfos {
  let lastRefTime = 0
  return (id, filter) => {
    const info = { ...serviceJson(naming, id, filter, { defaults, generation }), name: id.name }
    const content = JSON.stringify({ ...info, lastRefTime: 0 })
    // Clients drop a push that is not newer than the list they have: two within a millisecond must differ, and a clock
    // that is set back must not silence us.
    lastRefTime = Math.max(Date.now(), lastRefTime + 1)
    return { info: { ...info, lastRefTime }, content }
  }
}
