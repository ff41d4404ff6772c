import type { PropertyDocument } from '../properties/document.js'
import type { PropertyPath } from '../properties/path.js'
import { PropertyNode } from '../properties/tree.js'
import { flagOf } from '../util/flag.js'
import { isSecretName, mask } from '../util/secrets.js'

/** `DB_POOL_SIZE`, `dbPoolSize`, `db.pool-size` and `db[pool].size` are one name. */
const squash = (name: string) => name.replace(/[^\p{L}\p{N}]/gu, '').toLowerCase()
const squashPath = (path: PropertyPath) => squash(path.join('_'))
/** `dbPool.size` → `db_pool_size`: with the places where a name may end. */
export const snake = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .toLowerCase()

/** Shorter ones are parts of words. */
const SHORTEST_SECRET = 4

/** A value, and how it may be shown in an error. */
export interface Found {
  readonly value: unknown
  readonly text: string
  /** `the environment`, or the name of a file. */
  readonly place: string
}

/**
 * What the environment and files say, the environment the strongest, under names in any case. `get` answers with what is
 * written; where a schema refuses that, `convert` puts the next value in its place that the text may mean.
 */
export class EnvValues {
  private readonly variables = new Map<string, Found>()
  /** Names below which there is something: `db_`. */
  private readonly names: string[] = []
  private readonly files: PropertyNode
  /** Values of files by their whole names: `DB_HOST` may be written as one name, or as `host` below `db`. */
  private readonly flat = new Map<string, Found>()
  private readonly converted = new Map<string, { readonly value: unknown; readonly tries: number }>()

  /**
   * @param prefix of the variables; their names are read without it
   * @param files weakest first
   */
  constructor(
    variables: Readonly<Record<string, string | undefined>>,
    prefix: string,
    files: readonly PropertyDocument[],
  ) {
    for (const [name, text] of Object.entries(variables)) {
      if (text === undefined || !name.toLowerCase().startsWith(prefix.toLowerCase())) continue
      const rest = name.slice(prefix.length)
      // `path` and `PATH` are two variables: people mean the one in capitals.
      if (this.variables.has(squash(rest)) && name !== name.toUpperCase()) continue
      this.variables.set(squash(rest), { value: text, text, place: 'the environment' })
      this.names.push(snake(rest))
    }
    this.files = PropertyNode.merge(files)
    for (const { path, entry, source } of this.files.leaves()) {
      if (entry.kind === 'scalar' && entry.value === null) continue
      const value = entry.kind === 'list' ? [] : entry.kind === 'map' ? {} : entry.value
      this.flat.set(squashPath(path), { value, text: entry.text, place: source.name })
      this.names.push(snake(path.join('_')))
    }
  }

  /** The value of a name; a map or a list of what is below it; undefined if there is neither. */
  get(name: string): unknown {
    return name === '' ? undefined : this.at([name])
  }

  /** What is written under a name, before any conversion. */
  find(path: PropertyPath): Found | undefined {
    return this.variables.get(squashPath(path)) ?? this.flat.get(squashPath(path)) ?? this.itemOf(path)
  }

  /** A text without the secrets among the values: a schema may quote what it refuses. */
  hide(text: string): string {
    const secrets = [...this.variables, ...this.flat]
      .filter(([name]) => isSecretName(name))
      .map(([, found]) => found.text)
    return secrets
      .filter((secret) => secret.length >= SHORTEST_SECRET)
      .reduce((shown, secret) => shown.replaceAll(secret, '***'), mask(text))
  }

  /**
   * Replaces a value that was refused by the next one that it may mean.
   *
   * @returns false if there is none left
   */
  convert(path: PropertyPath): boolean {
    if (path.length === 0) return false
    const key = squashPath(path)
    const tries = this.converted.get(key)?.tries ?? 0
    const found = this.find(path)
    const readings = found ? readingsOf(found) : [undefined]
    if (tries >= readings.length) return false
    this.converted.set(key, { value: readings[tries], tries: tries + 1 })
    return true
  }

  private at(path: PropertyPath): unknown {
    const key = squashPath(path)
    const other = this.converted.get(key)
    if (other) return this.itemsConverted(other.value, path)
    const variable = this.variables.get(key)
    if (variable) return variable.value
    const node = this.files.find(path)
    if (node && (node.isList || node.children.size > 0)) return this.built(node, path)
    const below = `${snake(path.join('_'))}_`
    return this.flat.get(key)?.value ?? (this.names.some((name) => name.startsWith(below)) ? {} : undefined)
  }

  /** An item of a text that was taken apart. */
  private itemOf(path: PropertyPath): Found | undefined {
    const list = this.converted.get(squashPath(path.slice(0, -1)))?.value
    const value: unknown = Array.isArray(list) ? list[Number(path.at(-1))] : undefined
    return typeof value === 'string' ? { value, text: value, place: this.find(path.slice(0, -1))!.place } : undefined
  }

  private itemsConverted(list: unknown, path: PropertyPath): unknown {
    if (!Array.isArray(list)) return list
    return list.map((item: unknown, index) => this.converted.get(squashPath([...path, index]))?.value ?? item)
  }

  /** A list or a map of a file, with what the environment says of the values in it. */
  private built(node: PropertyNode, path: PropertyPath): unknown {
    const inner = [...node.children.values()]
    if (node.isList) return inner.map((child) => this.at([...path, child.name]))
    return Object.fromEntries(inner.map((child) => [child.name, this.at([...path, child.name])]))
  }
}

/** What else a value may mean, the likeliest first. */
function readingsOf({ value, text }: Found): readonly unknown[] {
  const flag = flagOf(text)
  if (typeof value !== 'string') return [text, ...(flag === undefined ? [] : [flag]), [value]]
  if (text.trim() === '') return [undefined, []]
  const number = Number(text)
  return [
    // A long id would become another number.
    ...(Number.isSafeInteger(number) || (Number.isFinite(number) && !Number.isInteger(number)) ? [number] : []),
    ...(flag === undefined ? [] : [flag]),
    ...json(text),
    text.split(',').map((item) => item.trim()),
  ]
}

function json(text: string): readonly unknown[] {
  if (!/^\s*[[{]/.test(text)) return []
  try {
    return [JSON.parse(text) as unknown]
  } catch {
    return []
  }
}
