import { identityOf } from './adapters/nest.js'
import { setRuntimeFactory } from './calls/active-runtime.js'
import { createCallRuntime } from './calls/runtime.js'
import { startDebugLog } from './debug-log.js'
import { SidecarError } from './errors.js'
import { openLog } from './logging.js'
import { openDiscoveryClient } from './registry-clients.js'
import { loadSettings } from './settings/load.js'
import { processState } from './process-state.js'
import type { SidecarInternals, SidecarOptions } from './sidecar-options.js'
import { Sidecar } from './sidecar.js'

/**
 * Makes the process a member of the mesh. Its synchronous part reads bootstrap.yml and guards every route, added
 * before or after the call; a settings error throws at once, so an unguarded app is never left behind.
 *
 * @param app an Express, Fastify or Koa app; left out, the process's own HTTP server is found when it listens.
 * @returns settles when the remote configuration has been pulled and registration is armed; not awaiting it is safe.
 * A second call with the same app returns the same sidecar.
 * @throws SidecarError `SIDECAR_SETTINGS_*`, `SIDECAR_PLACEHOLDER_*`, `SIDECAR_AUTH_SETTINGS`,
 * `SIDECAR_APP_UNSUPPORTED`, `SIDECAR_ALREADY_STARTED`
 * @example
 * const app = express()
 * const sidecar = await initSidecar(app)
 * app.listen(configLocal('server.port', 9202))
 */
export function initSidecar(app?: unknown, options: SidecarOptions = {}): Promise<Sidecar> {
  return startProcessSidecar(app, options).ready
}

/** The same, for a way in that needs the sidecar before it is ready. */
export function startProcessSidecar(app: unknown, options: SidecarOptions & SidecarInternals): Sidecar {
  const state = processState()
  const running = state['process-sidecar']
  if (running && running.sidecar.status().phase !== 'left') {
    if (identityOf(running.app) === identityOf(app)) return running.sidecar
    throw new SidecarError(
      'SIDECAR_ALREADY_STARTED',
      `initSidecar() was called before, with${running.app === undefined ? 'out an app (nacos-sidecar/register does that)' : ' another app'}: a process has one sidecar. For a second namespace or cluster use createSidecar({ app, … })`,
    )
  }
  const sidecar = new Sidecar(app, { ...options, processWide: true })
  state['process-sidecar'] = { app, sidecar }
  return sidecar
}

/**
 * The same, isolated: for two namespaces or two clusters in one process. `config()` and typed clients made with
 * `new` do not see it; `sidecar.config` and `sidecar.client(Class)` do.
 *
 * @example
 * const billing = createSidecar({ app, configPath: 'billing/bootstrap.yml' })
 * await billing.ready
 */
export function createSidecar({ app, ...options }: SidecarOptions & { readonly app?: unknown } = {}): Sidecar {
  return new Sidecar(app, options)
}

startDebugLog(process.env['NACOS_SIDECAR_DEBUG'])

// A script that only calls needs no initSidecar: its first call reads bootstrap.yml. Nothing of it keeps the script alive.
setRuntimeFactory(() => {
  const { settings, warnings } = loadSettings({ required: false })
  const logger = openLog(settings).logger
  for (const warning of warnings) logger.warn(warning)
  return createCallRuntime({ ...openDiscoveryClient(settings, logger), settings, logger, emit: () => {} })
})
