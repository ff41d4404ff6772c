import type { Adapter } from './adapters/adapter.js'
import { findAdapter } from './adapters/find-adapter.js'
import { SidecarError } from './errors.js'
import { createSidecar as createAny, initSidecar as initAny } from './process-sidecar.js'
import type { SidecarOptions } from './sidecar-options.js'
import type { Sidecar } from './sidecar.js'

/**
 * `initSidecar` and `createSidecar` for the apps of one framework: any other app is a type error, and an error at run
 * time.
 */
export interface FrameworkEntry<App> {
  /**
   * Makes the process a member of the mesh; `initSidecar` of `nacos-sidecar`, for this framework only.
   *
   * @throws SidecarError `SIDECAR_APP_UNSUPPORTED` for an app of another framework; `SIDECAR_SETTINGS_*`,
   * `SIDECAR_PLACEHOLDER_*`, `SIDECAR_AUTH_SETTINGS`, `SIDECAR_ALREADY_STARTED`
   */
  initSidecar(app: App, options?: SidecarOptions): Promise<Sidecar>
  /** The same, isolated: `createSidecar` of `nacos-sidecar`, for this framework only. */
  createSidecar(options: SidecarOptions & { readonly app: App }): Sidecar
}

/** @param framework the `framework` of an adapter. */
export function createEntry<App>(framework: Adapter['framework']): FrameworkEntry<App> {
  const checked = (app: App) => {
    const { framework: found } = findAdapter(app)
    if (found === framework) return app
    throw new SidecarError(
      'SIDECAR_APP_UNSUPPORTED',
      `nacos-sidecar/${framework} is not for an app of ${found}: import initSidecar from ${found === 'node:http' ? '' : `nacos-sidecar/${found}, or from `}nacos-sidecar, which accepts every framework`,
    )
  }
  return {
    initSidecar: (app, options) => initAny(checked(app), options),
    createSidecar: ({ app, ...options }) => createAny({ app: checked(app), ...options }),
  }
}
