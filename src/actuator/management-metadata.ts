import type { Settings } from '../settings/schema.js'
import { hasOwnPort } from './actuator.js'
import type { ManagementServer } from './management-server.js'

/** What Spring Cloud Alibaba writes into the metadata of an instance, so that monitors find its pages. */
export function managementMetadata(
  settings: Pick<Settings, 'management' | 'server'>,
  server: Pick<ManagementServer, 'port'> | undefined,
): Record<string, string> {
  const { management } = settings
  const { basePath } = management.endpoints.web
  const { address, basePath: contextPath } = management.server
  return {
    ...(basePath !== '/actuator' && { 'management.endpoints.web.base-path': basePath || '/' }),
    ...(hasOwnPort(settings) &&
      server?.port !== undefined && {
        'management.port': String(server.port),
        ...(contextPath !== '' && { 'management.context-path': contextPath }),
        ...(address !== undefined && { 'management.address': address }),
      }),
  }
}
