import { SidecarError } from '../errors.js'
import { processState } from '../process-state.js'
import type { Sidecar } from '../sidecar.js'
import type { Service } from './definition.js'

/**
 * The service of this process: the one that `run()` or `application()` has made last, if it was not `isolated`.
 *
 * @throws SidecarError `SIDECAR_SERVICE_NONE` if there is none
 * @example
 * const { name, version } = currentService()
 */
export function currentService(): Service {
  const service = processState()['process-service']
  if (service) return service as Service
  throw new SidecarError(
    'SIDECAR_SERVICE_NONE',
    'currentService(): no service of defineService runs in this process; several by runServices() have no process-wide one: use what setup(app, sidecar) is given',
  )
}

/**
 * The sidecar of this process, whatever made it: `initSidecar`, `nacos-sidecar/register` or a service.
 *
 * @throws SidecarError `SIDECAR_SERVICE_NONE` if there is none, or it has stopped
 * @example
 * const users = currentSidecar().client(UserClient)
 */
export function currentSidecar(): Sidecar {
  const { sidecar } = processState()['process-sidecar'] ?? {}
  if (sidecar && sidecar.status().phase !== 'left') return sidecar
  throw new SidecarError(
    'SIDECAR_SERVICE_NONE',
    'currentSidecar(): this process has no sidecar: run a service, or call initSidecar(app)',
  )
}

/** @returns takes it back */
export function setCurrentService(service: Service): () => void {
  const state = processState()
  state['process-service'] = service
  return () => {
    if (state['process-service'] === service) delete state['process-service']
  }
}
