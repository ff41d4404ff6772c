import { basename } from 'node:path'
import { locate } from '../../properties/document-error.js'
import type { PropertyEntry } from '../../properties/document.js'
import { formatPath, isOwnSection, relaxed, type PropertyPath } from '../../properties/path.js'
import { plainScalar } from '../../properties/scalar.js'
import { nearest } from '../../util/nearest.js'
import { RUN_SETTINGS, type RunSetting } from './run-settings.js'
import { registersItself, settingTexts } from './values.js'

/** The file of nacos-serving-python, weakest first where both stand beside each other. */
export const NACOS_FILES = ['nacos.yml', 'nacos.yaml'] as const

export const isNacosFile = (file: string): boolean => (NACOS_FILES as readonly string[]).includes(basename(file))

/** In relaxed spelling, as the fields are compared. */
const FIELDS = RUN_SETTINGS.map((row) => ({ row, path: row.field.split('.').map(relaxed) }))
/** Sections that nacos.yaml and bootstrap.yml both have, with other keys. */
const SHARED_SECTIONS = new Set(['server', 'logging'])

/** What a nacos.yaml says, under the keys of bootstrap.yml. */
export interface NacosFileEntries {
  readonly entries: readonly PropertyEntry[]
  /** Its unknown keys. */
  readonly warnings: readonly string[]
}

/**
 * Translates nacos.yaml: its sections may be at the top or below `nacos:`. Keys of bootstrap.yml may be beside them.
 *
 * @param name of the file, for messages
 */
export function readNacosFile(entries: readonly PropertyEntry[], name: string): NacosFileEntries {
  const translated: PropertyEntry[] = []
  const warnings: string[] = []
  const said = new Map<RunSetting, PropertyEntry>()
  for (const entry of entries) {
    const nested = relaxed(String(entry.path[0])) === 'nacos'
    const path = nested ? entry.path.slice(1) : entry.path
    const row = rowOf(path)
    if (row?.takes === 'pairs') translated.push(...metadataEntry(row, path, entry))
    else if (row) said.set(row, joined(said.get(row), entry))
    else if (!nested && isBootstrapKey(path)) translated.push(entry)
    else if (!isEmpty(entry) || isListAtSection(path, entry)) warnings.push(unknown(path, entry, name))
  }
  for (const row of RUN_SETTINGS) {
    const entry = said.get(row)
    if (!entry || isEmpty(entry)) continue
    translated.push(...settingTexts(row, entry.text, false).map((one) => withText(entry, one.path, one.text)))
  }
  const textOf = (field: string) => [...said].find(([row]) => row.field === field)?.[1].text
  for (const { path, text } of registersItself(textOf)) translated.push(withText(entries[0]!, path, text))
  return { entries: translated, warnings }
}

function rowOf(path: PropertyPath): RunSetting | undefined {
  const names = path.map((segment) => relaxed(String(segment)))
  return FIELDS.find(({ row, path: field }) => {
    if (!field.every((segment, index) => segment === names[index])) return false
    const below = path.slice(field.length)
    return row.takes === 'pairs' || below.length === 0 || (row.takes === 'list' && typeof below[0] === 'number')
  })?.row
}

function metadataEntry(row: RunSetting, path: PropertyPath, entry: PropertyEntry): PropertyEntry[] {
  const below = path.slice(row.field.split('.').length)
  return below.length === 0 || isEmpty(entry) ? [] : [{ ...entry, path: [...row.setting.split('.'), ...below] }]
}

/** The items of a list become one text. */
function joined(before: PropertyEntry | undefined, entry: PropertyEntry): PropertyEntry {
  return before && typeof entry.path.at(-1) === 'number'
    ? withText(before, before.path, `${before.text},${entry.text}`)
    : entry
}

function withText(entry: PropertyEntry, path: PropertyPath, text: string): PropertyEntry {
  return text === entry.text ? { ...entry, path } : { ...entry, path, text, value: plainScalar(text) }
}

/** `file: null`, `metadata: {}` */
function isEmpty({ kind, value }: PropertyEntry): boolean {
  return kind !== 'scalar' || value === null
}

/** `service: []`: nothing of it is read. */
function isListAtSection(path: PropertyPath, { kind }: PropertyEntry): boolean {
  return kind === 'list' && path.length < 2
}

function isBootstrapKey(path: PropertyPath): boolean {
  const section = relaxed(String(path[0]))
  if (section === 'spring') return true
  return isOwnSection(path) && (!SHARED_SECTIONS.has(section) || path.length > 2 || formatPath(path) === 'server.port')
}

function unknown(path: PropertyPath, { line, column }: PropertyEntry, name: string): string {
  const key = formatPath(path)
  const names = path.map((segment) => relaxed(String(segment)))
  const inside = FIELDS.find(
    ({ path: field }) => field.length > names.length && names.every((one, at) => one === field[at]),
  )
  if (inside)
    return `${locate(name, line, column)}: ${key || 'nacos'} is a section: expected keys below it, such as ${inside.row.field}`
  const spelled = (text: string) => text.replaceAll('-', '_').toLowerCase()
  const section = RUN_SETTINGS.filter(({ field }) => field.split('.')[0] === spelled(String(path[0])))
  const candidates = section.length > 0 && path.length > 1 ? section : RUN_SETTINGS
  const guess = nearest(spelled(key), new Set(candidates.map(({ field }) => field)))
  return `${locate(name, line, column)}: unknown key ${key}${guess ? `, did you mean ${guess}?` : ' is ignored'}`
}
