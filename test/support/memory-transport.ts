import { type NacosTransport, type ServiceInstance, SidecarError } from 'nacos-sidecar'
import type { BeatResult } from '../../src/nacos/transport.js'

/** A registry in memory, for what stands above `NacosTransport`. */
export interface MemoryTransport extends NacosTransport {
  /** What it lists now. */
  readonly instances: Map<string, ServiceInstance>
  /** Every naming request, in order, with the (monotonic) time it began. */
  readonly requests: { verb: 'register' | 'deregister' | 'list' | 'beat'; at: number; instance?: ServiceInstance }[]
  /** While set, every request rejects with it. */
  down: Error | undefined
  /** Awaited by each request before it takes effect: hold one up with a promise. */
  before: (verb: string, signal?: AbortSignal) => Promise<void> | void
  beat(instance: ServiceInstance, signal?: AbortSignal, onInterval?: (ms: number) => void): Promise<BeatResult>
}

export const registryDown = () =>
  new SidecarError('SIDECAR_REGISTRY_UNAVAILABLE', 'connect ECONNREFUSED 127.0.0.1:8848')

const keyOf = ({ namespace, group, service, cluster, ip, port }: ServiceInstance) =>
  [namespace, group, service, cluster, ip, port].join(' ')

export function createMemoryTransport(): MemoryTransport {
  const instances = new Map<string, ServiceInstance>()
  const requests: MemoryTransport['requests'] = []
  const enter = async (
    verb: 'register' | 'deregister' | 'list' | 'beat',
    instance?: ServiceInstance,
    signal?: AbortSignal,
  ) => {
    requests.push({ verb, at: performance.now(), instance })
    await transport.before(verb, signal)
    signal?.throwIfAborted()
    if (transport.down) throw transport.down
  }
  const transport: MemoryTransport = {
    instances,
    requests,
    down: undefined,
    before: () => {},
    async register(instance, signal) {
      await enter('register', instance, signal)
      instances.set(keyOf(instance), instance)
    },
    async deregister(instance, signal) {
      await enter('deregister', instance, signal)
      instances.delete(keyOf(instance))
    },
    async beat(instance, signal) {
      await enter('beat', instance, signal)
      return instances.has(keyOf(instance)) ? 'ok' : 'unknown'
    },
    async list({ namespace, group, service }, signal) {
      await enter('list', undefined, signal)
      const same = (one: ServiceInstance) =>
        one.namespace === namespace && one.group === group && one.service === service
      return [...instances.values()].filter(same)
    },
    getConfig: async () => undefined,
    describe: () => ({
      server: 'memory:8848',
      servers: ['memory:8848'],
      protocol: 'memory',
      connected: !transport.down,
    }),
    close: async () => {},
  }
  return transport
}
