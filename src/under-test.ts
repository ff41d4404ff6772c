import { processState } from './process-state.js'
import type { SidecarParts } from './compose.js'

/** What the tests of an app change in a sidecar: parts to use in place of these. */
export type TestSeam = (parts: SidecarParts, ready: () => Promise<unknown>) => SidecarParts

/** The parts as a test wants them, if the registry of this sidecar is one of `nacos-sidecar/testing`. */
export function underTest(parts: SidecarParts, ready: () => Promise<unknown>): SidecarParts {
  const seams = processState().testSeams
  if (seams === undefined) return parts
  const { nacos } = parts.settings.cloud
  return seams.get(nacos.discovery.serverAddr ?? nacos.serverAddr ?? '')?.(parts, ready) ?? parts
}
