import { SidecarError } from '../errors.js'
import { entriesOfObject } from '../properties/document.js'
import { formatPath } from '../properties/path.js'
import { SIDECAR_OPTIONS, type SidecarInternals } from '../sidecar-options.js'
import { timeoutOf } from '../util/duration.js'
import { isObject } from '../util/is-object.js'
import { textOf } from '../util/text-of.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import type { Backend, RunOptions, ServiceDefinition } from './definition.js'

const SETUP_MS = 30_000

const invalid = (what: string) => new SidecarError('SIDECAR_SERVICE_INVALID', `defineService: ${what}`)

const DEFINITION: OptionNames<ServiceDefinition<Backend>> = {
  ...{ name: true, version: true, description: true, backend: true, production: true, plugins: true },
  ...{ setupTimeout: true, setup: true, ...SIDECAR_OPTIONS },
}
const RUN: OptionNames<RunOptions> = {
  ...{ configPath: true, settings: true, logger: true, verify: true, transport: true, signals: true },
  ...{ isolated: true, host: true, port: true },
}

/** Of `runServices`: a free port, unless the service names its own. */
export type InternalRunOptions = RunOptions & { readonly anyPort?: boolean }

/** @throws SidecarError `SIDECAR_SERVICE_INVALID` */
export function check(definition: ServiceDefinition<Backend>): void {
  if (!isObject(definition)) throw invalid('expected an object, such as { name, backend, setup }')
  refuseUnknown(definition, DEFINITION, invalid)
  const { plugins = [], setup, name, version, description } = definition
  setupTimeoutOf(definition)
  if (!Array.isArray(plugins) || plugins.some((plugin) => typeof plugin !== 'function'))
    throw invalid('plugins is a list of functions (sidecar, app) => …')
  if (setup !== undefined && typeof setup !== 'function') throw invalid('setup is a function (app, sidecar) => …')
  for (const [key, text] of Object.entries({ name, version, description }))
    if (text !== undefined && typeof text !== 'string') throw invalid(`${key} is text`)
}

/** @throws SidecarError `SIDECAR_SERVICE_INVALID` */
export function setupTimeoutOf({ setupTimeout }: ServiceDefinition<Backend>): number {
  return timeoutOf('setupTimeout', setupTimeout, SETUP_MS, invalid)
}

/** @throws SidecarError `SIDECAR_SERVICE_INVALID` */
export function checkRun(options: RunOptions): void {
  if (!isObject(options)) throw invalid('options of run() and application() are an object, such as { port: 0 }')
  const { anyPort: _, ...given } = options as InternalRunOptions
  refuseUnknown(given, RUN, (why) => invalid(`run() and application(): ${why}`))
  const { host, port } = options
  if (host !== undefined && typeof host !== 'string') throw invalid(`host is text, got ${typeof host}`)
  // As a setting it is text, too: that of a variable.
  if (port === undefined || port === null || (/^\d{1,5}$/.test(textOf(port)) && Number(port) < 65_536)) return
  throw invalid(`port: expected an integer 0–65535, got ${textOf(port)}`)
}

/**
 * What it was made with stays.
 *
 * @throws SidecarError `SIDECAR_SERVICE_INVALID`
 */
export function checkLate({ configPath, settings, logger, verify, transport, signals, isolated }: RunOptions): void {
  const late = Object.entries({ configPath, settings, logger, verify, transport, signals, isolated })
  const given = late.filter(([, value]) => value !== undefined).map(([name]) => name)
  if (given.length === 0) return
  throw new SidecarError(
    'SIDECAR_SERVICE_INVALID',
    `run(): ${given.join(', ')}: too late, application() has made the app: give it to application()`,
  )
}

/** The layers of settings, each stronger than those before it. */
export function optionsOf(
  definition: ServiceDefinition<Backend>,
  given: InternalRunOptions,
  about: SidecarInternals['about'],
) {
  // What initSidecar takes remains.
  const { name, production, settings = {}, ...rest } = definition
  const { backend: _backend, plugins: _plugins, setup: _setup, setupTimeout: _timeout, ...further } = rest
  const { version: _version, description: _description, ...options } = further
  const { host, port, isolated = false, settings: more = {}, anyPort: _anyPort, ...others } = given
  const layers = [
    {
      ...(name !== undefined && { 'application.name': name }),
      ...(production !== undefined && { 'sidecar.production': production }),
    },
    settings,
    more,
    { ...(host !== undefined && { 'server.address': host }), ...(port !== undefined && { 'server.port': port }) },
  ]
  const said = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined))
  return { ...options, ...said, settings: layers, isolated, about }
}

/** Files of its own, or a port in its settings. */
export function namesPort({ configPath, settings = {} }: ServiceDefinition<Backend>): boolean {
  return (
    typeof configPath === 'string' || entriesOfObject(settings).some(({ path }) => formatPath(path) === 'server.port')
  )
}
