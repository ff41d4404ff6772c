import { SidecarError } from '../errors.js'
import type { BeatResult, NacosTransport } from '../nacos/transport.js'
import type { ServiceInstance } from '../types.js'
import { isSameInstance } from './find-in-registry.js'

/**
 * Sends one heartbeat. A v1 heartbeat re-creates a forgotten instance as enabled. Registries do not list disabled
 * instances, so a disabled one is registered again instead, until an operator enables it.
 *
 * @param mayBeForgotten the registry may have forgotten the instance
 * @param onInterval receives the heartbeat interval that the registry asks for
 */
export async function sendBeat(
  transport: NacosTransport,
  instance: ServiceInstance,
  mayBeForgotten: boolean,
  signal: AbortSignal,
  onInterval?: (ms: number) => void,
): Promise<BeatResult> {
  if (instance.enabled) {
    const result = await transport.beat!(instance, signal, onInterval)
    // r-nacos makes an instance of the beat of one that it has forgotten, without its weight.
    if (result === 'ok' && mayBeForgotten) await transport.register(instance, signal)
    return result
  }
  const { namespace, group, service } = instance
  const all = await transport.list({ namespace, group, service }, signal).catch((error: unknown) => {
    // A list of some clusters holds our own: what is not in it is not listed.
    if (error instanceof SidecarError && error.code === 'SIDECAR_REGISTRY_UNSUPPORTED') return []
    throw error
  })
  if (all.some((one) => isSameInstance(one, instance) && one.enabled))
    return transport.beat!(instance, signal, onInterval)
  await transport.register(instance, signal)
  return 'ok'
}
