import { resolve } from 'node:path'
import { createInstance } from '../registration/instance.js'
import { chooseAddress } from '../registration/address.js'
import { isRegistering } from '../registration/member.js'
import { formatPath, type PropertyPath } from '../properties/path.js'
import { masked } from '../properties/secrets.js'
import type { PropertyOrigin } from '../properties/explain.js'
import { connectionsOf } from '../settings/connection.js'
import { loadSettings, type LoadedSettings } from '../settings/load.js'
import { kebab } from '../settings/shape.js'
import type { Settings } from '../settings/schema.js'
import { isObject } from '../util/is-object.js'

export interface ShowOptions {
  /** The script whose settings they are. @default none: the package of the working directory */
  readonly main?: string | undefined
  /** Its arguments. @default none */
  readonly argv?: readonly string[]
  readonly json: boolean
  /** bootstrap.yml or nacos.yaml, or its folder. @default found from the script */
  readonly config?: string | undefined
  /** @default those of this process */
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/** A setting, or a property of the app's own. */
interface ShownValue {
  readonly key: string
  readonly value: unknown
  /** `bootstrap.yml:3`, `environment NACOS_SERVER`, `default`. */
  readonly from: string
}

/** Every setting and where it comes from: what is on this machine, without Nacos. Secrets are masked. */
export function showConfig(options: ShowOptions): string {
  const loaded = loadShown(options)
  const values = [...settingsOf(loaded), ...ownProperties(loaded)]
  const { file, warnings, store } = loaded
  if (options.json) {
    const origins = Object.fromEntries(values.map(({ key, from }) => [key, from]))
    const properties = Object.fromEntries(values.map(({ key, value }) => [key, value]))
    return JSON.stringify({ file: file ?? null, profiles: store.profiles, properties, origins, warnings }, undefined, 2)
  }
  const lines = values.map(({ key, value, from }) => [`${key}: ${JSON.stringify(value)}`, `# ${from}`] as const)
  const width = Math.min(Math.max(...lines.map(([text]) => text.length)), 70)
  return [
    ...warnings.map((warning) => `# ${warning.replaceAll('\n', '\n# ')}`),
    ...lines.map(([text, from]) => `${text.padEnd(width)}  ${from}`),
  ].join('\n')
}

/** What would be registered by these settings, without Nacos and without the app. */
export function showInstance(options: ShowOptions): string {
  const { settings, warnings } = loadShown(options)
  const { discovery } = settings.cloud.nacos
  const registers = isRegistering(settings)
  const { addresses, addressServer, namespace } = connectionsOf(settings.cloud.nacos).discovery
  const server = addressServer ?? addresses.map(({ authority }) => authority).join(',')
  const { ip, reason, warnings: doubts } = chooseAddress(discovery, undefined, undefined, settings.cloud.inetutils)
  const { registerOn } = settings.sidecar
  const instance = registers ? createInstance({ settings, namespace, ip, port: 0 }) : undefined
  const port = instance && (instance.port > 0 ? instance.port : undefined)
  if (options.json) {
    const { port: _, ...rest } = instance ?? { port: undefined }
    const all = { registers, server, registerOn, ...rest, ...(instance && { port: port ?? null, ipReason: reason }) }
    return JSON.stringify(masked([], { ...all, warnings: [...warnings, ...doubts] }), undefined, 2)
  }
  const notes = [...warnings, ...doubts].map((warning) => `warning    ${warning}`)
  if (!instance) return ['Nothing would be registered: registration is switched off.', ...notes].join('\n')
  const { service, group, cluster, weight, metadata } = instance
  return [
    `Would register at ${server}:`,
    `service    ${service}`,
    `group      ${group}`,
    `namespace  ${namespace || 'public'}`,
    `ip         ${ip} (${reason})`,
    `port       ${port ?? 'the one that the app listens on'}`,
    `cluster    ${cluster}`,
    `weight     ${weight}`,
    ...Object.entries(metadata).map(([name, value]) => `metadata   ${name}=${String(masked([name], value))}`),
    `when       ${WHEN[registerOn]}`,
    ...notes,
  ].join('\n')
}

const WHEN: Readonly<Record<Settings['sidecar']['registerOn'], string>> = {
  listen: 'as soon as the app listens',
  request: 'when it has answered its first request',
  manual: 'when it calls sidecar.register()',
}

/** The settings of a script, or of the package of the working directory. */
export function loadShown({
  cwd = process.cwd(),
  env,
  main = resolve(cwd, 'package.json'),
  argv = [],
  config,
}: ShowOptions): LoadedSettings {
  const configPath = config === undefined ? undefined : resolve(cwd, config)
  return loadSettings({ cwd, env, main, argv, configPath, required: configPath !== undefined })
}

/** With every default filled in. */
function settingsOf({ settings, store }: LoadedSettings): ShownValue[] {
  return leavesOf(settings, []).map(([path, value]) => {
    const key = formatPath(path.map((segment) => (typeof segment === 'string' ? kebab(segment) : segment)))
    const { origin } = store.explain(key)
    return { key, value: masked(path, value), from: origin ? placeOf(origin) : 'default' }
  })
}

/** What the documents hold beside settings. */
function ownProperties({ settings, store }: LoadedSettings): ShownValue[] {
  const known = new Set(Object.keys(settings))
  const all = store.get('', 'local')
  const own = Object.entries(isObject(all) ? all : {}).filter(([name]) => !known.has(name) && name !== 'spring')
  return leavesOf(Object.fromEntries(own), []).map(([path, value]) => {
    const key = formatPath(path)
    const { origin } = store.explain(key)
    return { key, value: masked(path, value), from: origin ? placeOf(origin) : '' }
  })
}

/** A list is one value, and so is a section without any. */
function leavesOf(value: unknown, path: PropertyPath): (readonly [PropertyPath, unknown])[] {
  if (!isObject(value) || (Object.keys(value).length === 0 && path.length > 0)) return [[path, value]]
  return Object.entries(value).flatMap(([name, inner]) => leavesOf(inner, [...path, name]))
}

/** `bootstrap.yml:3` */
export function placeOf({ document, line }: PropertyOrigin): string {
  return line === undefined ? document : `${document}:${line}`
}
