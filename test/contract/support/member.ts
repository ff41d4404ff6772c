import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { initSidecar, type ServiceKey, type Sidecar } from 'nacos-sidecar'
import type { ContractContext } from './contract-test.js'

/** A service that has joined the mesh the way a user's does. */
export interface Member extends ServiceKey {
  readonly sidecar: Sidecar
  readonly ip: string
  readonly port: number
}

/** Starts an HTTP service with `initSidecar()` and waits until it is registered; it leaves when the test ends. */
export async function joinMesh(
  { target, unique, defer }: ContractContext,
  options: { readonly sharedConfigs?: readonly string[] } = {},
): Promise<Member> {
  const service = unique('member')
  const user = target.auth ?? target.admin
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ from: service, url: request.url }))
  })
  defer(() => server.close())
  const ip = '127.0.0.1'
  const sidecar = await initSidecar(undefined, {
    configPath: false,
    signals: false,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    settings: {
      application: { name: service },
      cloud: {
        nacos: {
          serverAddr: target.server,
          apiVersion: target.apiVersion,
          ...(user && { username: user.username, password: user.password }),
          discovery: { ip, weight: 2, metadata: { zone: '杭州' } },
          config: { sharedConfigs: options.sharedConfigs ?? [] },
        },
      },
      sidecar: { drain: 0, refreshAll: true },
    },
  })
  defer(() => sidecar.stop())
  server.listen(0, ip)
  await once(server, 'listening')
  if (!sidecar.status().registered) await once(sidecar, 'registered')
  return { sidecar, ip, port: (server.address() as AddressInfo).port, namespace: '', group: 'DEFAULT_GROUP', service }
}
