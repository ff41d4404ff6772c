/** What both majors of Express share, and the search for a mounted function needs. */
interface Layer {
  readonly handle?: unknown
  readonly route?: { readonly stack?: readonly Layer[] }
  /** Of the last match: what of the path it is mounted at. Newer routers return it. */
  readonly path?: string
  match?(path: string): boolean | { readonly path?: string } | undefined
}
interface Router {
  readonly stack?: readonly Layer[]
}

const MAX_DEPTH = 20

/**
 * Whether a request for `path` can reach one of `handlers` in an Express app. An app that is mounted in the app hides what
 * it holds.
 */
export function reaches(app: unknown, path: string, handlers: ReadonlySet<unknown>): boolean {
  return stackReaches(routerOf(app), path, handlers, 0)
}

function stackReaches(
  router: Router | undefined,
  path: string,
  handlers: ReadonlySet<unknown>,
  depth: number,
): boolean {
  if (depth > MAX_DEPTH || !Array.isArray(router?.stack)) return false
  return (router.stack as readonly Layer[]).some((layer) => {
    const mount = mountOf(layer, path)
    if (mount === undefined) return false
    if (layer.route?.stack?.some(({ handle }) => handlers.has(handle))) return true
    if (handlers.has(layer.handle)) return true
    const inner = layer.handle as Router | undefined
    if (!inner?.stack) return false
    const rest = path.slice(mount.length)
    return stackReaches(inner, rest.startsWith('/') ? rest : `/${rest}`, handlers, depth + 1)
  })
}

/** What of the path the layer is mounted at; `undefined` where it does not match. */
function mountOf(layer: Layer, path: string): string | undefined {
  try {
    const match = layer.match?.(path)
    return match ? ((match === true ? layer.path : match.path) ?? '') : undefined
  } catch {
    return undefined // undecodable
  }
}

/** Express 4 throws where `router` is read. */
function routerOf(given: unknown): Router | undefined {
  // NestJS, on Express.
  const nest = given as { getHttpAdapter?(): { getInstance(): unknown } | undefined } | undefined
  const app = typeof nest?.getHttpAdapter === 'function' ? nest.getHttpAdapter()?.getInstance() : given
  if (typeof app !== 'function') return undefined
  const { _router } = app as { _router?: Router }
  return _router ?? (app as { router?: Router }).router
}
