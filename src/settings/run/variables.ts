import type { PropertyDocument } from '../../properties/document.js'
import type { Environment } from '../../properties/environment.js'
import { nearest } from '../../util/nearest.js'
import { RUN_SETTINGS, type RunSetting } from './run-settings.js'

/** A row that a variable sets. */
export interface RunVariable {
  readonly row: RunSetting
  readonly name: string
  readonly text: string
}

/** Variables that are no rows of the table. */
const OWN = [
  'NACOS_SIDECAR_DEBUG',
  'NACOS_SIDECAR_DEV_AUTH',
  'NACOS_SIDECAR_HISTORY',
  'NACOS_SIDECAR_RUN',
  'NACOS_SIDECAR_TOKEN',
]
const KNOWN: ReadonlySet<string> = new Set([...OWN, ...RUN_SETTINGS.flatMap(({ env }) => env)])
const OVERRIDE = /^NACOS_SIDECAR_OVERRIDE(?:_|$)/i
/** What Kubernetes and Docker set in each container for a service that is called `nacos…`. */
const SERVICE_LINK = /_SERVICE_HOST$|_SERVICE_PORT(?:_\w+)?$|_PORT(?:_\d+_(?:TCP|UDP)(?:_(?:PROTO|PORT|ADDR))?)?$/

/** What the environment says by the rows of the table. */
export function runVariables(environment: Environment): RunVariable[] {
  return RUN_SETTINGS.flatMap((row) => {
    const names = row.env.filter((name) => name !== 'NACOS_SERVICE_PORT' || !isServiceLinked(environment))
    const found = names.map((name) => environment.lookup([name])).find((one) => one !== undefined && one.text !== '')
    return found ? [{ row, ...found }] : []
  })
}

/**
 * Kubernetes names a service `nacos` in each pod: `NACOS_SERVICE_PORT` is then the port of Nacos, and registering this
 * process with it would send its callers there.
 */
function isServiceLinked(environment: Environment): boolean {
  const text = (name: string) => environment.lookup([name])?.text
  return text('NACOS_SERVICE_HOST') !== undefined && /^(?:tcp|udp):\/\//.test(text('NACOS_PORT') ?? '')
}

/**
 * A warning for each `NACOS_*` variable that means nothing here and that no document names.
 *
 * @param documents those on the disk: `${NACOS_ADDR}` is a variable of theirs
 */
export function unknownVariables(environment: Environment, documents: readonly PropertyDocument[]): string[] {
  const warnings = isServiceLinked(environment)
    ? ['NACOS_SERVICE_PORT is ignored: Kubernetes has set it for its service nacos. Use cloud.nacos.discovery.port']
    : []
  const suspects = environment.below(['NACOS']).filter(({ name }) => {
    const upper = name.toUpperCase()
    return !KNOWN.has(upper) && !OVERRIDE.test(name) && !SERVICE_LINK.test(upper)
  })
  if (suspects.length === 0) return warnings
  const named = namesIn(documents)
  for (const { name } of suspects) {
    if (named.has(squash(name))) continue
    const guess = nearest(name.toUpperCase(), KNOWN)
    warnings.push(`environment: unknown variable ${name}${guess ? `, did you mean ${guess}?` : ' is ignored'}`)
  }
  return warnings
}

/** Keys, and names of placeholders, without separators. */
function namesIn(documents: readonly PropertyDocument[]): Set<string> {
  const names = new Set<string>()
  for (const { entries } of documents) {
    for (const { path, text } of entries) {
      names.add(squash(path.join('')))
      for (const [, name] of text.matchAll(/[$][{<]\s*([\w.-]+)/g)) names.add(squash(name!))
    }
  }
  return names
}

function squash(name: string): string {
  return name.replace(/[-_.]/g, '').toUpperCase()
}
