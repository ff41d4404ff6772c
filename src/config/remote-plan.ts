import type { ConfigKey } from '../types.js'
import type { Settings } from '../settings/schema.js'
import { nearest } from '../util/nearest.js'
import type { PropertyDocument } from '../properties/document.js'
import { extensionOf, formatOf, type DocumentFormat } from '../properties/formats.js'
import type { RemoteImport } from '../properties/remote-import.js'

/** One document to ask Nacos for. */
export interface RemoteReference extends ConfigKey {
  /** Its absence is an error. */
  readonly required: boolean
  /** Changes are followed. */
  readonly refresh: boolean
  /** By the data id; for an id without extension, the type that Nacos stores is used. */
  readonly format: DocumentFormat | undefined
  readonly fallbackFormat: DocumentFormat
  /** The local document that it stands just above; `undefined`: above all of them. */
  readonly above?: PropertyDocument | undefined
}

/** What shared and extension configs default to, whatever `config.group` is: a team shares them across its groups. */
const DEFAULT_GROUP = 'DEFAULT_GROUP'

/**
 * The documents to pull, lowest first, as Spring does. Where `spring.config.import` names documents in Nacos, those and
 * no others, each where the importing document stands; else shared-configs, extension-configs, `name`, `name.ext` and
 * `name-profile.ext`, above everything local. One that is named twice counts where it stands highest;
 * what all profiles import stays where it is, whatever a profile imports again.
 *
 * @param local the active profiles, and what the local documents import and where it stands
 */
export function planDocuments(
  settings: Settings,
  namespace: string,
  { imports, profiles }: { readonly imports: readonly RemoteImport[]; readonly profiles: readonly string[] },
): DocumentPlan {
  const { config } = settings.cloud.nacos
  const warnings: string[] = []
  const notes: string[] = []
  const fallbackFormat = formatOf(config.fileExtension) ?? 'text'
  const plan = new Map<string, RemoteReference>()
  const forAll = new Set<string>()

  const add = (dataId: string, options: DocumentOptions = {}) => {
    if (dataId === '') return
    const group = options.group || config.group
    const key = `${group}\n${dataId}`
    const earlier = plan.get(key)
    // What all profiles import has been loaded when those of a profile come: it stays where it is.
    const stays = earlier !== undefined && options.forProfiles === true && forAll.has(key)
    if (!options.forProfiles) forAll.add(key)
    if (!stays) plan.delete(key)
    plan.set(key, {
      namespace,
      group,
      dataId,
      required: (options.required ?? false) || (earlier?.required ?? false),
      refresh: config.refreshEnabled && ((options.refresh ?? true) || (earlier?.refresh ?? false)),
      format: formatOf(extensionOf(dataId)),
      fallbackFormat,
      above: stays ? earlier.above : options.above,
    })
  }

  const imported = imports.flatMap((one) => {
    const { document, problem } = parseImport(one, config.preference)
    if (problem) warnings.push(`config.import: ${one.source}${problem}`)
    return document ? [document] : []
  })
  if (imports.length > 0) {
    // Those that are preferred to local files stand above all of them.
    const ranked = [...imported.filter(({ above }) => above), ...imported.filter(({ above }) => !above)]
    for (const document of ranked) add(document.dataId, document)
    const left = sharedDocuments(settings).map(({ dataId }) => dataId)
    if (left.length > 0) {
      warnings.push(
        `shared-configs and extension-configs are not loaded (${left.join(', ')}): if config.import names documents in Nacos, only those are loaded, as in Spring; import these too, or remove config.import`,
      )
    }
    return { references: [...plan.values()], warnings, notes }
  }

  const shared = sharedDocuments(settings)
  for (const { dataId, group, refresh } of shared)
    add(dataId, { group, refresh: refresh ?? settings.sidecar.refreshAll })
  const unsaid = shared.filter(({ refresh }) => refresh === undefined).map(({ dataId }) => dataId)
  if (unsaid.length > 0 && config.refreshEnabled && !settings.sidecar.refreshAll) {
    notes.push(
      `changes of ${unsaid.join(', ')} are not followed, as in Spring: set refresh: true beside the data id, or sidecar.refresh-all: true`,
    )
  }
  const name = config.prefix || config.name || settings.application.name
  if (name) {
    add(name)
    add(`${name}.${config.fileExtension}`)
    for (const profile of profiles) add(`${name}-${profile}.${config.fileExtension}`)
  }
  return { references: [...plan.values()], warnings, notes }
}

export interface DocumentPlan {
  /** Lowest first. */
  readonly references: RemoteReference[]
  /** What is lost. */
  readonly warnings: string[]
  /** What is worth a line, once. */
  readonly notes: string[]
}

interface SharedDocument {
  readonly dataId: string
  readonly group: string
  /** `undefined` if nothing defines it. */
  readonly refresh: boolean | undefined
}

/** Shared and extension configs, lowest first, those of their old names too: `shared-dataids`, `ext-config`. */
function sharedDocuments({ cloud: { nacos } }: Settings): SharedDocument[] {
  const { sharedConfigs, sharedDataids, refreshableDataids, extensionConfigs, extConfig } = nacos.config
  const named = new Set([...sharedDataids, ...sharedConfigs.map(({ dataId }) => dataId)])
  const more = refreshableDataids.filter((dataId) => !named.has(dataId))
  const old = [...sharedDataids, ...more].map((dataId) => ({ dataId, group: DEFAULT_GROUP, refresh: undefined }))
  const shared = [...old, ...sharedConfigs].map((one) =>
    refreshableDataids.includes(one.dataId) && (one.group || DEFAULT_GROUP) === DEFAULT_GROUP
      ? { ...one, refresh: true }
      : one,
  )
  const extensions = extensionConfigs.length > 0 ? extensionConfigs : extConfig
  return [...shared, ...extensions].map(({ dataId, group, refresh }) => ({
    dataId,
    group: group || DEFAULT_GROUP,
    refresh,
  }))
}

interface DocumentOptions {
  readonly group?: string | undefined
  readonly refresh?: boolean | undefined
  readonly required?: boolean
  readonly above?: PropertyDocument | undefined
  readonly forProfiles?: boolean | undefined
}

const PARAMETERS = ['group', 'refreshEnabled', 'preference']

/** `[optional:]nacos:data-id?group=G&refreshEnabled=false&preference=remote` */
function parseImport({ source, above, forProfiles }: RemoteImport, preferred: string) {
  const [, optional, rest = ''] = /^(optional:)?nacos:(.*)$/s.exec(source.trim()) ?? []
  const [path = '', query = ''] = rest.split(/\?(.*)/s, 2)
  const dataId = path.replace(/^\/+/, '')
  if (dataId === '') return { problem: ' is ignored: it names no data id' }
  const parameters = new URLSearchParams(query)
  const refresh = parameters.get('refreshEnabled')
  const preference = parameters.get('preference')?.toLowerCase() ?? preferred
  const document = {
    dataId,
    group: parameters.get('group') ?? undefined,
    refresh: refresh === null ? undefined : refresh.trim().toLowerCase() === 'true',
    required: optional === undefined,
    above: preference === 'remote' ? undefined : above,
    forProfiles,
  }
  return { document, problem: problemOf(parameters) }
}

/** What Spring would pass over in silence. */
function problemOf(parameters: URLSearchParams): string | undefined {
  const problems = [...parameters].flatMap(([name, value]) => {
    if (name === 'refreshEnabled' && !/^(true|false)$/i.test(value.trim()))
      return [`refreshEnabled is "${value}", which counts as false: expected true or false`]
    if (name === 'preference' && !/^(local|remote)$/i.test(value))
      return [`preference is "${value}", which is ignored: expected local or remote`]
    return PARAMETERS.includes(name) ? [] : [unknownParameter(name)]
  })
  return problems.length > 0 ? `: ${problems.join('; ')}` : undefined
}

function unknownParameter(name: string): string {
  const instead: Record<string, string> = {
    namespace: 'the namespace of every document is cloud.nacos.config.namespace',
    refresh: 'did you mean refreshEnabled?',
  }
  const guess = nearest(name, PARAMETERS)
  const hint = Object.hasOwn(instead, name) ? instead[name] : guess ? `did you mean ${guess}?` : ''
  return `the parameter ${name} is ignored${hint && `: ${hint}`}; known are ${PARAMETERS.join(', ')}`
}
