/** `nacos-sidecar/env`: the typed environment of a service. Loads nothing of the sidecar itself. */
export { defineEnv, type EnvFields, type EnvOf, type EnvOptions } from './env/define-env.js'
export { SidecarError, type SidecarErrorCode } from './errors.js'
