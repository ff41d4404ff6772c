import { SidecarError } from '../../src/errors.js'
import type { NacosTransport } from '../../src/nacos/transport.js'
import type { ServiceInstance } from '../../src/types.js'

/** Registers, beats and deregisters over v1 with bare fetch: for tests of what stands above the transport. */
export function createPlainTransport(address: string): NacosTransport {
  const send = async (method: string, path: string, fields: Record<string, string>, signal?: AbortSignal) => {
    const url = `http://${address}/nacos/v1/ns/${path}?${new URLSearchParams(fields)}`
    const timeout = AbortSignal.timeout(2000)
    // A connection of its own each: none that lingers keeps a test process alive.
    const headers = { connection: 'close' }
    try {
      const response = await fetch(url, {
        method,
        headers,
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      })
      if (!response.ok) throw new Error(`HTTP ${response.status}`)
      return await response.text()
    } catch (error) {
      throw new SidecarError('SIDECAR_REGISTRY_UNAVAILABLE', `${method} ${path} at ${address}: ${String(error)}`, {
        cause: error,
      })
    }
  }
  const fieldsOf = (one: ServiceInstance) => ({
    namespaceId: one.namespace,
    groupName: one.group,
    serviceName: one.service,
    clusterName: one.cluster,
    ip: one.ip,
    port: String(one.port),
    ephemeral: String(one.ephemeral),
  })
  return {
    async register(one, signal) {
      const { weight, enabled, metadata } = one
      const more = { weight: String(weight), enabled: String(enabled), metadata: JSON.stringify(metadata) }
      await send('POST', 'instance', { ...fieldsOf(one), ...more }, signal)
    },
    async deregister(one, signal) {
      await send('DELETE', 'instance', fieldsOf(one), signal)
    },
    async beat(one, signal) {
      const { ip, port, weight, metadata, cluster } = one
      const beat = JSON.stringify({ serviceName: `${one.group}@@${one.service}`, ip, port, weight, metadata, cluster })
      const text = await send('PUT', 'instance/beat', { ...fieldsOf(one), beat }, signal)
      return (JSON.parse(text) as { code: number }).code === 20404 ? 'unknown' : 'ok'
    },
    list: async () => [],
    getConfig: async () => undefined,
    describe: () => ({ server: address, servers: [address], protocol: 'plain v1', connected: true }),
    close: async () => {},
  }
}
