import { settingsSchema } from '../../src/settings/schema.js'

/** Settings as a user writes them, for whatever connects to a registry. */
export function registrySettings(serverAddr: string, nacos: object = {}, sidecar: object = {}) {
  return settingsSchema.parse({ cloud: { nacos: { serverAddr, apiVersion: 'v1', ...nacos } }, sidecar })
}
