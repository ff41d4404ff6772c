import { existsSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { SidecarError } from '../errors.js'
import type { Service } from '../service/definition.js'
import { isService } from '../service/is-service.js'

/** The script of `nacos-sidecar run`, and which of its exports is meant. */
export interface NamedScript {
  readonly file: string
  /** What follows `#`. */
  readonly exported: string | undefined
}

/** A process whose service could not start has this long to end by itself. */
const EXIT_AFTER_MS = 500

/** `service.ts#orders`; a file whose name has a `#` in it is that file. */
export function namedScript(said: string): NamedScript {
  const at = said.lastIndexOf('#')
  if (at <= 0 || existsSync(said)) return { file: said, exported: undefined }
  return { file: said.slice(0, at), exported: said.slice(at + 1) || 'default' }
}

/**
 * True for a script that makes a service: it has a sidecar of its own, so none is started before it. Only its text can say so before it
 * runs.
 */
export function makesService(path: string): boolean {
  try {
    return /(['"])nacos-sidecar\/service\1/.test(readFileSync(path, 'utf8'))
  } catch {
    return false
  }
}

/** Runs what the script exports. A script that runs its service itself, or exports none by default, has done its part when it is loaded. */
export async function runService(path: string, exported: string | undefined): Promise<void> {
  const loaded = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  try {
    const service = serviceIn(loaded, exported)
    if (service && !runsAlready(service)) await service.run()
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error
    console.error(`nacos-sidecar: ${error.message}`)
    if (error.cause instanceof Error) console.error(error.cause)
    process.exitCode = 1
    // What setup has opened must not keep a process alive that serves no request.
    setTimeout(() => process.exit(), EXIT_AFTER_MS).unref()
  }
}

/** @throws SidecarError `SIDECAR_SERVICE_INVALID` if an export is named that is no service */
function serviceIn(loaded: Record<string, unknown>, exported: string | undefined): Service | undefined {
  const { default: main } = loaded
  // A CommonJS module, compiled or not, is the default export of itself.
  const inner = typeof main === 'object' && main !== null && !isService(main) ? (main as Record<string, unknown>) : {}
  const name = exported ?? 'default'
  const found = [loaded[name], inner[name]].find(isService)
  if (found || exported === undefined) return found
  const services = Object.entries({ ...inner, ...loaded }).flatMap(([key, value]) => (isService(value) ? [key] : []))
  throw new SidecarError(
    'SIDECAR_SERVICE_INVALID',
    `the script exports no service ${exported}: ${services.length > 0 ? `its services are ${services.join(', ')}` : 'nothing it exports is of defineService'}`,
  )
}

function runsAlready(service: Service): boolean {
  try {
    return service.sidecar !== undefined
  } catch {
    return false
  }
}
