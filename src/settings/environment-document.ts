import type { PropertyDocument, PropertyEntry } from '../properties/document.js'
import { textEntry } from '../properties/document.js'
import type { Environment } from '../properties/environment.js'
import { documentPath, formatPath, type PropertyPath } from '../properties/path.js'
import { cloudVariables } from './cloud-variables.js'
import { registersItself, settingTexts } from './run/values.js'
import { runVariables } from './run/variables.js'
import { settingsSchema } from './schema.js'
import { kebab, shapeOf, type Shape } from './shape.js'

/**
 * The settings of the environment, as one document.
 *
 * @param isSet whether the command line or code sets a property: a short name for the base then stays out of the
 * sections too, where it would hide that stronger value.
 */
export function environmentDocument(
  environment: Environment,
  isSet: (path: PropertyPath) => boolean,
): PropertyDocument {
  const entries = new Map<string, PropertyEntry>()
  const add = (path: PropertyPath, name: string, text: string) => {
    if (text !== '') entries.set(formatPath(path), textEntry(path, text, { key: name }))
  }
  for (const { paths, name, text } of cloudVariables(environment)) {
    if (paths.some((path) => isSet(path)) || environment.lookup(paths[0]!)) continue
    for (const path of paths) add(path, name, text)
  }
  // Short names, for what a platform most often sets; Spring's long name for the same thing is stronger.
  const short = runVariables(environment)
  for (const { row, name, text } of short) {
    const base = documentPath(row.setting)
    if (isSet(base) || environment.lookup(base)) continue
    for (const { path, text: value } of settingTexts(row, text, true)) add(path, name, value)
  }
  const shortText = (field: string) => short.find(({ row }) => row.field === field)?.text
  for (const { path, text } of registersItself(shortText)) {
    if (!isSet(path) && !environment.lookup(path)) add(path, 'NACOS_REGISTER_ON_STARTUP', text)
  }
  visit(shapeOf(settingsSchema), [], environment, add)
  for (const { service, name, text } of overrides(environment)) add(['feign', 'client', service, 'url'], name, text)
  return { name: 'environment', layer: 'environment', entries: [...entries.values()] }
}

/**
 * `NACOS_SIDECAR_OVERRIDE_user-service=http://localhost:3000`: this one service is called there, without discovery. A
 * shell cannot set a name with a dash; `NACOS_SIDECAR_OVERRIDE_USER_SERVICE` means the same, and is the weaker.
 */
function overrides(environment: Environment): { service: string; name: string; text: string }[] {
  const prefix = 'NACOS_SIDECAR_OVERRIDE'
  const found = environment.below([prefix]).map(({ name, text }) => {
    const literal = name.slice(prefix.length + 1)
    const snake = /^[A-Z0-9_]+$/.test(literal)
    return { service: snake ? literal.toLowerCase().replaceAll('_', '-') : literal, name, text, snake }
  })
  return found.sort((a, b) => Number(b.snake) - Number(a.snake))
}

function visit(
  shape: Shape,
  path: PropertyPath,
  environment: Environment,
  add: (path: PropertyPath, name: string, text: string) => void,
): void {
  const own = () => {
    const found = environment.lookup(path)
    if (found) add(path, found.name, found.text)
    return found !== undefined
  }
  switch (shape.kind) {
    case 'section':
      for (const [name, field] of shape.fields) visit(field, [...path, kebab(name)], environment, add)
      break
    case 'list':
      if (!own()) {
        for (let index = 0; hasItem(shape.item, [...path, index], environment); index++) {
          visit(shape.item, [...path, index], environment, add)
        }
      }
      break
    case 'map':
      for (const { name, rest, text } of environment.below(path)) {
        const inner = innerName(shape.value, rest)
        if (inner) add([...path, ...inner], name, text)
      }
      break
    case 'value':
      if (!own() && shape.section) visit(shape.section, path, environment, add)
  }
}

function hasItem(item: Shape, path: PropertyPath, environment: Environment): boolean {
  let found = false
  visit(item, path, environment, () => (found = true))
  return found
}

/**
 * `USER_SERVICE_READ_TIMEOUT` → `user-service`, `read-timeout`; `MY_LABEL` → `my.label`, as Spring binds maps; of a
 * list, `DEV` and `DEV_0` are `dev`.
 */
function innerName(value: Shape, rest: string): PropertyPath | undefined {
  // The one name below `logging.level` that is ours.
  if (rest === 'NACOS_SIDECAR') return ['nacos-sidecar']
  if (value.kind === 'value') return [rest.toLowerCase().replaceAll('_', '.')]
  if (value.kind === 'list') {
    const [, name = rest, index] = /^(.+)_(\d+)$/.exec(rest) ?? []
    return [name.toLowerCase().replaceAll('_', '-'), ...(index === undefined ? [] : [Number(index)])]
  }
  if (value.kind !== 'section') return undefined
  for (const field of value.fields.keys()) {
    const suffix = `_${kebab(field).replaceAll('-', '_').toUpperCase()}`
    const name = rest.slice(0, -suffix.length)
    if (rest.endsWith(suffix) && name) return [name.toLowerCase().replaceAll('_', '-'), kebab(field)]
  }
  return undefined
}
