import type { ConfigKey } from '../types.js'
import { activeProfiles } from '../settings/profiles.js'
import type { Settings } from '../settings/schema.js'
import { extensionOf, formatOf, type DocumentFormat } from './formats.js'

/** One document to ask Nacos for. */
export interface RemoteReference extends ConfigKey {
  /** Its absence is an error. */
  readonly required: boolean
  /** Changes are followed. */
  readonly refresh: boolean
  /** By the data id; a type that Nacos itself tells fills in for an id without extension. */
  readonly format: DocumentFormat | undefined
  readonly fallbackFormat: DocumentFormat
}

/** What shared and extension configs default to, whatever `config.group` is: a team shares them across its groups. */
const DEFAULT_GROUP = 'DEFAULT_GROUP'

/**
 * The documents to pull, lowest first, in Spring's order: shared-configs, extension-configs, `spring.config.import`,
 * `name`, `name.ext`, `name-profile.ext`. One that is named twice counts where it stands highest.
 */
export function planDocuments(
  settings: Settings,
  namespace: string,
): { references: RemoteReference[]; warnings: string[] } {
  const { config } = settings.cloud.nacos
  const warnings: string[] = []
  const fallbackFormat = formatOf(config.fileExtension) ?? 'text'
  const plan = new Map<string, RemoteReference>()

  const add = (
    dataId: string,
    options: { group?: string | undefined; refresh?: boolean | undefined; required?: boolean } = {},
  ) => {
    if (dataId === '') return
    const group = options.group || config.group
    const key = `${group}\n${dataId}`
    const earlier = plan.get(key)
    plan.delete(key)
    plan.set(key, {
      namespace,
      group,
      dataId,
      required: (options.required ?? false) || (earlier?.required ?? false),
      refresh: config.refreshEnabled && (options.refresh ?? true),
      format: formatOf(extensionOf(dataId)),
      fallbackFormat,
    })
  }

  for (const shared of [...config.sharedConfigs, ...config.extensionConfigs])
    add(shared.dataId, { ...shared, group: shared.group || DEFAULT_GROUP })
  for (const entry of settings.config.import) {
    const imported = parseImport(entry)
    if (imported?.dataId) add(imported.dataId, imported)
    else {
      const why = imported ? 'it names no data id' : 'only nacos: documents are imported'
      warnings.push(`config.import: ${entry} is ignored: ${why}`)
    }
  }
  const name = config.prefix || config.name || settings.application.name
  if (name) {
    add(name)
    add(`${name}.${config.fileExtension}`)
    for (const profile of activeProfiles(settings.profiles)) add(`${name}-${profile}.${config.fileExtension}`)
  }
  return { references: [...plan.values()], warnings }
}

/** `[optional:]nacos:data-id?group=G&refreshEnabled=false`; `undefined` for what is not Nacos's. */
function parseImport(entry: string) {
  const [, optional, rest] = /^(optional:)?nacos:(.*)$/s.exec(entry.trim()) ?? []
  if (rest === undefined) return undefined
  const [dataId = '', query = ''] = rest.split('?', 2)
  const parameters = new URLSearchParams(query)
  const refresh = parameters.get('refreshEnabled')
  return {
    dataId: dataId.replace(/^\/+/, ''),
    group: parameters.get('group') ?? undefined,
    refresh: refresh === null ? undefined : refresh !== 'false',
    required: optional === undefined,
  }
}
