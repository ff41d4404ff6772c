import { SidecarError } from '../errors.js'
import { processState } from '../process-state.js'
import type { CallRuntime } from './runtime.js'

/**
 * The runtime of this process: that of `initSidecar`, or one made by the factory the package installs (it loads
 * bootstrap.yml), so that a script that only calls needs no `initSidecar`.
 *
 * @throws SidecarError `SIDECAR_CLIENT_INVALID` in a process that has neither
 */
export function activeRuntime(): CallRuntime {
  const state = processState()
  if (state.runtime !== undefined) return state.runtime
  if (state.runtimeFactory === undefined) {
    throw new SidecarError(
      'SIDECAR_CLIENT_INVALID',
      'A typed client was called in a process without a sidecar: import it from "nacos-sidecar", or call initSidecar() first',
    )
  }
  return (state.runtime = state.runtimeFactory())
}

/** Installs the process's runtime; `undefined` takes it away. */
export function setActiveRuntime(runtime: CallRuntime | undefined): void {
  processState().runtime = runtime
}

/** Installs what makes a runtime for a client that is used without `initSidecar`. */
export function setRuntimeFactory(factory: () => CallRuntime): void {
  processState().runtimeFactory = factory
}
