import { createClients } from './clients.js'
import { createConfig } from './config.js'
import { createConfigs } from './configs.js'
import { createNamespaces } from './namespaces.js'
import { createService } from './service.js'
import { createServices } from './services.js'

/**
 * @param {string} hash
 * @param {import('./types.d.ts').Context} context
 * @returns {{ view: import('./types.d.ts').View, service?: import('./types.d.ts').ServiceName }}
 */
export function viewOf(hash, context) {
  const [part, namespace, group, name, tab] = partsOf(hash)
  if (part === 'services' && namespace && group && name) {
    const service = { namespace, group, name }
    return { view: createService(context, service, tab), service }
  }
  if (part === 'configs' && namespace && group && name) {
    return { view: createConfig(context, { namespace, group, dataId: name }, tab) }
  }
  if (part === 'configs' && namespace === 'new') return { view: createConfig(context, undefined) }
  if (part === 'configs') return { view: createConfigs(context) }
  if (part === 'clients') return { view: createClients(context) }
  if (part === 'namespaces') return { view: createNamespaces(context) }
  return { view: createServices(context) }
}

/** @param {string} hash */
function partsOf(hash) {
  try {
    return hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent)
  } catch {
    return []
  }
}
