/** `nacos-sidecar/service`: a service as one object, and several of them in one process. */
export { defineService } from './service/service.js'
export { runServices, type RunningServices, type RunServicesOptions } from './service/run-services.js'
export { currentService, currentSidecar } from './service/current.js'
export type {
  ApplicationOptions,
  AppOf,
  Backend,
  BackendApp,
  BackendApps,
  BackendFactory,
  BackendName,
  RunningService,
  RunOptions,
  Service,
  ServiceDefinition,
  ServiceParts,
  ServicePlugin,
} from './service/definition.js'
