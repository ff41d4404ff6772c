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
type Routed = IncomingMessage & {
  readonly baseUrl?: string
  readonly route?: { readonly path?: unknown }
  readonly params?: Layer['params']
}

/** Spellings of the path that a route's router is mounted at: routes ignore case. */
const MAX_MOUNTS = 16
const MAX_DEPTH = 20

/** Where the router of a route is mounted. */
interface Mount {
  /** The layers from the app to the route; `undefined` where they are not found: a mounted app, a wrapped router. */
  readonly chain: readonly Layer[] | undefined
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
      const chain = findChain(routerOf(app), route, 0)
      mounts.set(route, (mount = { chain, patterns: new Map(), last: String(route.path) }))
    }
    return patternIn(mount, baseUrl, request as Routed)
  }
}

function patternIn(mount: Mount, baseUrl: string, { route, params }: Routed): string {
  const { chain, patterns } = mount
  if (baseUrl === '' || chain?.length === 0) return mount.last
  const known = patterns.get(baseUrl)
  if (known !== undefined) return (mount.last = known)
  const path = String(route?.path)
  let pattern: string
  if (chain?.some(isVariable)) {
    pattern = chain.map(patternOf).join('') + path
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
  return (typeof rawPath === 'string' && /[:*{(]/.test(rawPath)) || Object.keys(params).length > 0
}

function patternOf({ rawPath, path = '', params }: Layer): string {
  if (typeof rawPath === 'string') return rawPath === '/' ? '' : rawPath
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

function findChain(router: Router | undefined, route: object, depth: number): Layer[] | undefined {
  for (const layer of router?.stack ?? []) {
    if (layer.route === route) return []
    const below =
      depth < MAX_DEPTH && typeof layer.handle === 'function' && layer.route === undefined
        ? findChain(layer.handle as Router, route, depth + 1)
        : undefined
    if (below) return [layer, ...below]
  }
  return undefined
}

/** Express 4 throws where `router` is read. */
function routerOf(app: object): Router | undefined {
  const { _router } = app as { _router?: Router }
  return _router ?? (app as { router?: Router }).router
}
