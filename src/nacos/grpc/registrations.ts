import { instanceId, serviceKeyText } from '../../instance.js'
import type { ServiceInstance, ServiceKey } from '../../types.js'
import { AnswerError } from './errors.js'
import { batchInstances, instanceRequest } from './messages.js'
import { fetchInstances } from './operations.js'
import type { Reconciler } from './reconciler.js'
import type { Session } from './session.js'

/** Ephemeral instances that live by the link's connection, and are registered again on each new one. */
export interface Registrations {
  /** Settles when the registry has answered; a registration that failed is not tried again. */
  register(instance: ServiceInstance, signal: AbortSignal): Promise<void>
  /** `false` if this link has registered nothing at its service. */
  deregister(instance: ServiceInstance, signal: AbortSignal): Promise<boolean>
}

type Instances = ReadonlyMap<string, ServiceInstance>

/** Nacos keeps one entry per connection and service, so all instances of a service are one concern. */
interface Group {
  readonly key: ServiceKey
  readonly wanted: Map<string, ServiceInstance>
  /** What the server holds of us on that session, or may hold: an answer can be late or lost. */
  published: Instances
  session: Session | undefined
  waiters: { resolve: () => void; reject: (error: unknown) => void }[]
}

export function createRegistrations(reconciler: Reconciler<Session>): Registrations {
  const groups = new Map<string, Group>()

  const publish = async (group: Group, session: Session): Promise<void> => {
    const published = group.session === session ? group.published : new Map<string, ServiceInstance>()
    const wanted = new Map(group.wanted)
    group.session = session
    group.published = new Map([...published, ...wanted])
    try {
      await send(group, session, published, wanted)
      group.published = wanted
    } catch (error) {
      // What was refused is not there.
      if (error instanceof AnswerError) group.published = published
      throw error
    }
  }

  const send = async (group: Group, session: Session, published: Instances, wanted: Instances): Promise<void> => {
    const gone = [...published].filter(([id]) => !wanted.has(id)).map(([, instance]) => instance)
    const withdraw = async () => {
      for (const instance of gone) await session.request(instanceRequest(instance, 'deregisterInstance'))
    }
    const [first] = wanted.values()
    if (!first) await withdraw()
    else if (wanted.size === 1 && published.size <= 1 && gone.length === 0) {
      await session.request(instanceRequest(first, 'registerInstance'))
    } else {
      const answer = await session.request(batchInstances(group.key, [...wanted.values()]))
      // Nacos replaces what the connection had. r-nacos adds, and says so by the word for a single registration.
      if (answer['type'] !== 'batchRegisterInstance') await withdraw()
    }
  }

  const settle = async (id: string, group: Group, work: () => Promise<void>): Promise<void> => {
    const waiters = group.waiters.splice(0)
    try {
      await work()
      for (const waiter of waiters) waiter.resolve()
    } catch (error) {
      for (const waiter of waiters) waiter.reject(error)
      throw error
    }
    // No request waits for the answer any more, and what was published is not wanted.
    if ([...group.published.keys()].some((one) => !group.wanted.has(one))) return reconciler.recheck(id)
    // A request that came meanwhile needs a round of its own: a deregistration, where this one registered.
    if (group.wanted.size === 0 && group.waiters.length === 0 && groups.get(id) === group) {
      groups.delete(id)
      reconciler.release(id)
    }
  }

  /** The registry may have lost us while the connection stood. */
  const verify = async (group: Group, session: Session): Promise<void> => {
    const listed = await fetchInstances(group.key, session.server, (request) => session.request(request))
    const ids = new Set(listed.map(instanceId))
    if ([...group.wanted.keys()].some((id) => !ids.has(id))) await publish(group, session)
  }

  const reconcile = (id: string, group: Group, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const onAbort = () => reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      const settled = () => signal.removeEventListener('abort', onAbort)
      group.waiters.push({
        resolve: () => (settled(), resolve()),
        reject: (error) => (settled(), reject(error as Error)),
      })
      reconciler.ensure(id, {
        label: `registration at service ${serviceKeyText(group.key)}`,
        establish: (session) => settle(id, group, () => publish(group, session)),
        verify: (session) => settle(id, group, () => verify(group, session)),
        // What is wanted no more has been withdrawn by then.
        release: async () => {},
      })
    })

  return {
    async register(instance, signal) {
      const groupId = groupIdOf(instance)
      const id = instanceId(instance)
      let group = groups.get(groupId)
      if (!group) {
        const { namespace, group: name, service } = instance
        const key = { namespace, group: name, service }
        group = { key, wanted: new Map(), published: new Map(), session: undefined, waiters: [] }
        groups.set(groupId, group)
      }
      const before = group.wanted.get(id)
      group.wanted.set(id, instance)
      try {
        await reconcile(groupId, group, signal)
      } catch (error) {
        if (group.wanted.get(id) === instance) {
          if (before) group.wanted.set(id, before)
          else group.wanted.delete(id)
          if (group.wanted.size === 0 && group.published.size === 0) {
            groups.delete(groupId)
            reconciler.release(groupId)
          }
        }
        throw error
      }
    },
    async deregister(instance, signal) {
      const groupId = groupIdOf(instance)
      const group = groups.get(groupId)
      if (!group) return false
      // Not sent as it is even where it is not ours: Nacos would take away all that we have at this service.
      group.wanted.delete(instanceId(instance))
      await reconcile(groupId, group, signal)
      return true
    },
  }
}

function groupIdOf(key: ServiceKey): string {
  return `instances ${key.namespace} ${serviceKeyText(key)}`
}
