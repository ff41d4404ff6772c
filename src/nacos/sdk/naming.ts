import { instanceId, serviceKeyText } from '../../instance.js'
import type { Page, ServiceInstance, ServiceKey, ServiceNames } from '../../types.js'
import { isObject } from '../../util/is-object.js'
import { malformed, parseJson } from '../http/dialects/parse-response.js'
import { readInstances } from '../http/dialects/instances.js'
import { RequestFailure } from '../http/failure.js'
import type { SdkInstance, SdkNamingClient } from './clients.js'
import { createTurns } from './turns.js'

export interface SdkNaming {
  register(instance: ServiceInstance): Promise<void>
  deregister(instance: ServiceInstance): Promise<void>
  list(key: ServiceKey): Promise<ServiceInstance[]>
  listServices(page: Page): Promise<ServiceNames>
  /** Takes away what is still registered through this: the SDK would beat for it as long as the client lives. */
  deregisterAll(): Promise<void>
}

/** Services and instances through the user's `NacosNamingClient`. Throws the SDK's errors and `RequestFailure`. */
export function createSdkNaming(client: SdkNamingClient): SdkNaming {
  const registered = new Map<string, ServiceInstance>()
  const turns = createTurns()

  const remove = ({ service, group, ...instance }: ServiceInstance) =>
    client.deregisterInstance(service, toSdk(instance), group)

  return {
    async register(instance) {
      assertNamed(instance)
      await turns.take(idOf(instance), async () => {
        try {
          await client.registerInstance(instance.service, toSdk(instance), instance.group)
          registered.set(idOf(instance), instance)
        } catch (error) {
          // It beats from before the request, and a beat registers too: an instance that was refused would appear.
          if (!registered.has(idOf(instance))) {
            turns.take(idOf(instance), () => remove(instance)).catch(() => {})
          }
          throw error
        }
      })
    },

    // In turn: a registration under way must not arrive after it.
    deregister: (instance) =>
      turns.take(idOf(instance), async () => {
        registered.delete(idOf(instance))
        await remove(instance)
      }),

    async list(key) {
      assertNamed(key)
      const response = {
        status: 200,
        headers: {},
        body: await proxyOf(client).queryList(serviceKeyText(key), '', 0, false),
      }
      const answer = parseJson(response)
      return readInstances(isObject(answer) ? answer['hosts'] : undefined, key, response)
    },

    async listServices({ pageNo, pageSize, group }) {
      const proxy = proxyOf(client)
      if (!proxy.getServiceList) throw unknownVersion()
      const { count, data } = await proxy.getServiceList(pageNo, pageSize, group)
      if (!Array.isArray(data)) throw malformed('holds no service names', { status: 200, headers: {}, body: '' })
      return { count, names: data.map(String) }
    },

    async deregisterAll() {
      const remaining = [...registered]
      registered.clear()
      await Promise.allSettled(remaining.map(([id, instance]) => turns.take(id, () => remove(instance))))
    },
  }
}

/** @throws RequestFailure where the client is of an SDK that is built otherwise. */
export function proxyOf(client: SdkNamingClient): NonNullable<SdkNamingClient['_serverProxy']> {
  const proxy = client._serverProxy
  if (typeof proxy?.queryList !== 'function') throw unknownVersion()
  return proxy
}

function unknownVersion(): RequestFailure {
  return new RequestFailure('no-route', 'this version of npm nacos offers no way to read a list as the server sent it')
}

/** Servers differ on `GROUP@@`: r-nacos would treat it as a name. */
function assertNamed({ service }: ServiceKey): void {
  if (!service) throw new RequestFailure('refused', 'the service has no name')
}

function toSdk(instance: Omit<ServiceInstance, 'service' | 'group'>): SdkInstance {
  const { ip, port, weight, healthy, enabled, ephemeral, cluster, metadata } = instance
  return {
    ...{ instanceId: '', ip, port, healthy, enabled, ephemeral, clusterName: cluster, metadata },
    // It takes a plain 0 for "not given" and makes it 1; a boxed one is written as 0 in the form and in the beat's
    // JSON.
    weight: weight === 0 ? (Object(0) as number) : weight,
  }
}

/** Names an instance among those of all services. */
function idOf(instance: ServiceInstance): string {
  return `${serviceKeyText(instance)}#${instanceId(instance)}`
}
