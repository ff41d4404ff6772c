/** `nacos-sidecar/agent`: logical names for every client that sends by `node:http` or `node:https`. */
import { activeRuntime } from './calls/active-runtime.js'
import { createAgents, type SidecarAgents } from './http/agent.js'

export { attachAgent as attachSidecar } from './http/agent.js'
export type { SidecarAgents }

/**
 * Agents of `node:http` and `node:https` with logical names, for clients that take one.
 *
 * @example
 * const agents = sidecarAgents()
 * const client = new S3Client({
 *   endpoint: 'http://minio',
 *   requestHandler: { httpAgent: agents.http, httpsAgent: agents.https },
 * })
 */
export function sidecarAgents(): SidecarAgents {
  return createAgents(activeRuntime)
}
