import type { IncomingMessage } from 'node:http'

/** What both majors share and the search for a pattern needs. */
interface Layer {
  readonly route?: object
  readonly handle?: unknown
  /** As it was written, in newer routers. */
  readonly rawPath?: unknown
  /** Of the last request that matched: what matched, and the variables in it. */
  readonly path?: string
  readonly params?: Readonly<Record<string, unknown>>
}
interface Router {
  readonly stack?: readonly Layer[]
}
/** An app, perhaps one that is mounted in another one. */
interface App {
  readonly parent?: App
  readonly mountpath?: unknown
}
type Routed = IncomingMessage & {
  /** The one whose routes are tried. */
  readonly app?: App
  readonly baseUrl?: string
  readonly route?: { readonly path?: unknown }
  readonly params?: Layer['params']
}

/** Spellings of the path that a route's router is mounted at: routes ignore case. */
const MAX_MOUNTS = 16
const MAX_DEPTH = 20
/** Places that one router is mounted at. */
const MAX_CHAINS = 8
const VARIABLE = /[:*{(]/

/** Where the router of a route is mounted. */
interface Mount {
  /** The layers from the app to the route, for each place of its router; none where they are not found: a wrapped router. */
  readonly chains: readonly (readonly Layer[])[]
  /** Pattern that the app of the route is mounted at in the other one. */
  readonly prefix: string
  /** By `baseUrl`, the pattern of the whole. */
  readonly patterns: Map<string, string>
  /** After an error the router has taken its `baseUrl` back. */
  last: string
}

/**
 * Finds the pattern of the route that has handled a request: `/api/users/:id`. `baseUrl` holds text of the request
 * (`/tenants/42`): it is not trusted to have few values.
 *
 * @param app in which routers are mounted
 */
export function createRouteFinder(app: object): (request: IncomingMessage) => string | undefined {
  const mounts = new WeakMap<object, Mount>()
  return (request) => {
    const { route, baseUrl = '' } = request as Routed
    if (route === undefined) return undefined
    let mount = mounts.get(route)
    if (mount === undefined) {
      const { app: own = app } = request as Routed
      const prefix = prefixOf(own, app)
      const chains = findChains(routerOf(prefix === undefined ? app : own), route, 0)
      const last = (prefix ?? '') + String(route.path)
      mounts.set(route, (mount = { chains, prefix: prefix ?? '', patterns: new Map(), last }))
    }
    return patternIn(mount, baseUrl, request as Routed)
  }
}

function patternIn(mount: Mount, baseUrl: string, { route, params }: Routed): string {
  const { chains, prefix, patterns } = mount
  if (baseUrl === '' || (chains.length === 1 && chains[0]!.length === 0)) return mount.last
  const known = patterns.get(baseUrl)
  if (known !== undefined) return (mount.last = known)
  const path = String(route?.path)
  let pattern: string
  const baseOf = (one: readonly Layer[]) => prefix + one.map(patternOf).join('')
  const chain = chains.length > 1 ? (chains.find((one) => fits(baseOf(one), baseUrl)) ?? chains[0]) : chains[0]
  if (chain && (VARIABLE.test(prefix) || chain.some(isVariable))) {
    pattern = baseOf(chain) + path
  } else {
    const text = baseUrl.toLowerCase()
    const same = [...patterns.keys()].find((base) => base.toLowerCase() === text)
    if (same !== undefined) pattern = patterns.get(same)!
    else pattern = (patterns.size < MAX_MOUNTS ? fill(baseUrl, params) : '*') + path
  }
  if (patterns.size < MAX_MOUNTS) patterns.set(baseUrl, pattern)
  return (mount.last = pattern)
}

function isVariable({ rawPath, params = {} }: Layer): boolean {
  return (typeof rawPath === 'string' && VARIABLE.test(rawPath)) || Object.keys(params).length > 0
}

function patternOf({ rawPath, path = '', params }: Layer): string {
  if (typeof rawPath === 'string') return rawPath.replace(/\/$/, '')
  return fill(path, params)
}

/** `/tenants/42` with `tenant: '42'` is `/tenants/:tenant`. */
function fill(path: string, params: Layer['params'] = {}): string {
  const names = Object.entries(params)
  if (names.length === 0) return path
  const nameOf = (segment: string) => names.find(([, value]) => value === segment || value === decoded(segment))?.[0]
  return path
    .split('/')
    .map((segment) => {
      const name = segment === '' ? undefined : nameOf(segment)
      return name === undefined ? segment : `:${name}`
    })
    .join('/')
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** Whether a path may be one of a pattern. */
function fits(pattern: string, path: string): boolean {
  const segments = path.toLowerCase().split('/')
  const parts = pattern.toLowerCase().split('/')
  return parts.length === segments.length && parts.every((part, at) => VARIABLE.test(part) || part === segments[at])
}

function findChains(router: Router | undefined, route: object, depth: number): Layer[][] {
  const found: Layer[][] = []
  for (const layer of router?.stack ?? []) {
    if (found.length >= MAX_CHAINS) break
    if (layer.route === route) return [[]]
    if (depth >= MAX_DEPTH || typeof layer.handle !== 'function' || layer.route !== undefined) continue
    for (const below of findChains(layer.handle as Router, route, depth + 1)) found.push([layer, ...below])
  }
  return found
}

/** Where a mounted app is in `outer`; `undefined` if it is not below it, or at more than one path. */
function prefixOf(app: App, outer: App): string | undefined {
  let prefix = ''
  for (let own: App | undefined = app; own !== outer; own = own.parent) {
    if (typeof own?.mountpath !== 'string') return undefined
    if (own.mountpath !== '/') prefix = own.mountpath + prefix
  }
  return prefix
}

/** Express 4 throws where `router` is read. */
function routerOf(app: object): Router | undefined {
  const { _router } = app as { _router?: Router }
  return _router ?? (app as { router?: Router }).router
}
