import type { AxiosInstance, AxiosStatic } from 'axios'
// Bundles have a createRequire of their own in the banner that CommonJS dependencies need (docs/deployment.md).
import { createRequire as requireFrom } from 'node:module'
import { fileURLToPath } from 'node:url'
import { SidecarError, messageOf } from '../errors.js'
import { activeRuntime } from '../calls/active-runtime.js'
import type { CallRuntime } from '../calls/runtime.js'
import { createAxios, useAxios } from './axios.js'

/** What answers with a promise can wait until axios is loaded. */
const REQUESTS: ReadonlySet<PropertyKey> = new Set([
  ...['request', 'get', 'delete', 'head', 'options', 'post', 'put', 'patch', 'query'],
  ...['postForm', 'putForm', 'patchForm'],
])

/**
 * An axios instance with logical names that loads axios with its first use: most members send no request by it, and
 * axios takes as long to load as the rest of a start.
 */
export function createLazyAxios(runtime: () => CallRuntime = activeRuntime): AxiosInstance {
  let instance: AxiosInstance | undefined
  const open = (axios: AxiosStatic): AxiosInstance => {
    if (instance) return instance
    useAxios(axios)
    return (instance = createAxios(runtime))
  }
  const load = async () => instance ?? open(await loadAxios())
  const loadNow = () => instance ?? open(requireAxios())

  return new Proxy((() => {}) as unknown as AxiosInstance, {
    apply: (_target, _this, args: Parameters<AxiosInstance>) =>
      instance ? instance(...args) : load().then((loaded) => loaded(...args)),
    get(_target, key) {
      if (instance || !REQUESTS.has(key)) return Reflect.get(loadNow(), key) as unknown
      return (...args: unknown[]) =>
        load().then((loaded) => (Reflect.get(loaded, key) as (...args: unknown[]) => unknown)(...args))
    },
    set: (_target, key, value) => Reflect.set(loadNow(), key, value),
    has: (_target, key) => Reflect.has(loadNow(), key),
  })
}

/** In a bundle without node_modules there is only what the bundler put into it. */
async function loadAxios(): Promise<AxiosStatic> {
  try {
    return requireAxios()
  } catch {
    return (await import('axios')).default
  }
}

/** The copy that the app gets by `import` or `require`: it may ask for `instanceof AxiosError`. */
function requireAxios(): AxiosStatic {
  try {
    // CommonJS has no import.meta.resolve.
    const found = typeof import.meta.resolve === 'function' ? fileURLToPath(import.meta.resolve('axios')) : 'axios'
    return (requireFrom(import.meta.url)(found) as { default: AxiosStatic }).default
  } catch (cause) {
    throw new SidecarError(
      'SIDECAR_CALL_INVALID',
      `sidecar.axios: axios could not be loaded (${messageOf(cause)}). In a bundle, send a request by it first, or keep axios outside of the bundle`,
      { cause },
    )
  }
}
