import { dirname, join } from 'node:path'
import { messageOf } from '../errors.js'
import { chooseAddress } from '../registration/address.js'
import { serviceNameOf } from '../registration/instance.js'
import { displayName, packageFolderAbove, readText } from '../settings/files.js'
import { isPlainObject } from '../util/is-object.js'
import { printable } from '../util/printable.js'
import { loadShown, placeOf, type ShowOptions } from './show.js'

/** Something that need not be set, and how it was found out. */
interface Detected {
  readonly what: 'framework' | 'service' | 'port' | 'ip'
  /** `null`: it is not known yet, or cannot be. */
  readonly value: string | number | null
  readonly why: string
}

/** Nest stands on another of them, so it comes first. */
const FRAMEWORKS = [
  ['@nestjs/core', 'nest'],
  ['fastify', 'fastify'],
  ['koa', 'koa'],
  ['express', 'express'],
] as const

/** What `run` would find out by itself. */
export function showDetection(options: ShowOptions): string {
  const detected = detect(options)
  if (options.json) return JSON.stringify(detected, undefined, 2)
  return detected.map(({ what, value, why }) => printable(`${what.padEnd(9)}  ${value ?? '–'} (${why})`)).join('\n')
}

function detect(options: ShowOptions): Detected[] {
  const { settings, store } = loadShown(options)
  const { discovery } = settings.cloud.nacos
  const from = (key: string) => {
    const { origin } = store.explain(key)
    return origin === undefined ? undefined : placeOf(origin)
  }
  const orWhy = (what: Detected['what'], find: () => Omit<Detected, 'what'>): Detected => {
    try {
      return { what, ...find() }
    } catch (error) {
      return { what, value: null, why: messageOf(error) }
    }
  }
  const portKey = discovery.port === undefined ? 'server.port' : 'cloud.nacos.discovery.port'
  const port = discovery.port ?? settings.server.port
  return [
    frameworkOf(options),
    orWhy('service', () => ({
      value: serviceNameOf(settings),
      why: from(discovery.service === undefined ? 'application.name' : 'cloud.nacos.discovery.service') ?? 'default',
    })),
    orWhy('ip', () => {
      const { ip, reason } = chooseAddress(discovery, undefined, undefined, settings.cloud.inetutils)
      return { value: ip, why: reason }
    }),
    {
      what: 'port',
      value: port ?? null,
      why:
        port === undefined || portKey === 'server.port'
          ? `the one that the app listens on is registered${port === undefined ? '' : `; server.port: ${from(portKey)}`}`
          : from(portKey)!,
    },
  ]
}

/** By the dependencies of the script's package: the app itself is recognised by its shape when it listens. */
function frameworkOf({ main, cwd = process.cwd() }: ShowOptions): Detected {
  const folder = packageFolderAbove(main === undefined ? cwd : dirname(main))
  const none = (why: string): Detected => ({ what: 'framework', value: null, why })
  if (folder === undefined) return none('there is no package.json')
  const file = join(folder, 'package.json')
  const name = displayName(file, cwd)
  try {
    const manifest: unknown = JSON.parse(readText(file, name))
    const listed = isPlainObject(manifest) ? manifest['dependencies'] : undefined
    const found = FRAMEWORKS.find(([dependency]) => isPlainObject(listed) && dependency in listed)
    if (!found) return none(`none in ${name}: a plain node:http server`)
    const [dependency, framework] = found
    return {
      what: 'framework',
      value: framework,
      why: `${dependency} ${String((listed as object)[dependency as never])} in ${name}`,
    }
  } catch {
    return none(`${name} cannot be read`)
  }
}
