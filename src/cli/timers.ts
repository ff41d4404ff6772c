import { Command } from 'commander'
import { SidecarError } from '../errors.js'
import { hostPort, parseServiceName } from '../instance.js'
import { readReport, type ListedInstance } from '../pages/read-report.js'
import { timersIn } from '../pages/read-work.js'
import type { TimerReport } from '../pages/work-report.js'
import { serviceNameOf } from '../registration/instance.js'
import type { Sidecar } from '../sidecar.js'
import { createLimiter } from '../util/limiter.js'
import { printable } from '../util/printable.js'
import { portNumber, serviceName } from './arguments.js'
import { asGuest, withGuestOptions, WITHOUT_DOCUMENTS, type GuestFlags } from './guest.js'
import { namespaceOf } from './services.js'
import { formatTable, type Cell } from './table.js'

interface TimersFlags extends GuestFlags {
  readonly port?: number
}

/** The timers of one instance, or why they are not known. */
export interface InstanceTimers {
  readonly instance: string
  readonly timers?: readonly TimerReport[]
  readonly reason?: string
}

const TIMEOUT_MS = 5_000
const AT_ONCE = 8

/** `nacos-sidecar timers [service]`: of the running instances, by their page `/_sidecar`. */
export function timersCommand(): Command {
  return withGuestOptions(
    new Command('timers')
      .description('List the timers of the running instances of a service, by their pages /_sidecar.')
      .argument('[service]', 'name, or group@@name (default: the service of this folder)', serviceName)
      .option('-p, --port <port>', 'ask the app on this port of this machine, and no registry', portNumber)
      .addHelpText(
        'after',
        '\nAn instance on another machine, or behind the guard, needs a token: NACOS_SIDECAR_TOKEN.\nExit code 1 if an instance could not be asked, or there is none.',
      ),
  ).action((service: string | undefined, flags: TimersFlags) =>
    asGuest(flags, WITHOUT_DOCUMENTS, (sidecar) => printTimers(sidecar, service, flags)),
  )
}

async function printTimers(sidecar: Sidecar, service: string | undefined, { port, json }: TimersFlags): Promise<void> {
  const found = port === undefined ? await timersOf(sidecar, service) : [await timersAt(here(port))]
  if (found.length === 0 || found.some(({ timers }) => timers === undefined)) process.exitCode = 1
  if (json) return console.log(JSON.stringify(found, undefined, 2))
  const rows = found.flatMap(({ instance, timers }) => (timers ?? []).map((timer) => rowOf(instance, timer)))
  if (rows.length > 0) console.log(formatTable(COLUMNS, rows))
  for (const { instance, timers, reason } of found) {
    if (reason !== undefined) console.error(printable(`${instance} could not be asked: ${reason}`))
    else if (timers?.length === 0) console.log(printable(`${instance} has no timer.`))
  }
  if (found.length === 0) console.error(printable(`${service ?? nameOf(sidecar)} has no instance.`))
}

const here = (port: number): ListedInstance => ({ ip: '127.0.0.1', port, metadata: {} })

/** Of every instance of a service that the registry lists, healthy or not. */
export async function timersOf(sidecar: Sidecar, service = nameOf(sidecar)): Promise<InstanceTimers[]> {
  const key = parseServiceName(service, namespaceOf(sidecar), sidecar.settings.cloud.nacos.discovery.group)
  const instances = await sidecar.nacos.list(key)
  const limit = createLimiter(AT_ONCE)
  return Promise.all(instances.map((instance) => limit(() => timersAt(instance))))
}

function nameOf({ settings }: Sidecar): string {
  try {
    return serviceNameOf(settings)
  } catch {
    throw new SidecarError(
      'SIDECAR_SETTINGS_INVALID',
      'nothing here names a service: timers <service>, or timers --port <port>',
    )
  }
}

async function timersAt(listed: ListedInstance): Promise<InstanceTimers> {
  const instance = hostPort(listed)
  const token = process.env['NACOS_SIDECAR_TOKEN'] || undefined
  const read = await readReport(listed, { token, timeoutMs: TIMEOUT_MS })
  if ('reason' in read) return { instance, reason: read.reason }
  const timers = timersIn(read.report)
  return timers ? { instance, timers } : { instance, reason: 'its version of nacos-sidecar does not tell of timers' }
}

const COLUMNS = [
  ...['instance', 'timer', 'schedule', 'on', 'next', 'last', 'took', 'runs', 'failed', 'left out', 'running', 'error'],
]

function rowOf(instance: string, timer: TimerReport): Cell[] {
  const { name, schedule, on, nextAt, lastBeganAt, lastMs, runs, failures, skipped, running, lastError } = timer
  return [
    ...[instance, name, schedule, on, timeOf(nextAt), timeOf(lastBeganAt)],
    lastMs === undefined ? '' : `${Math.round(lastMs * 10) / 10} ms`,
    runs,
    { text: String(failures), state: failures > 0 ? 'bad' : 'good' },
    ...[skipped, running, lastError ?? ''],
  ]
}

/** `14:05:09`, with the day where it is not today; in the time zone of this machine. */
function timeOf(iso: string | undefined): string {
  if (iso === undefined) return ''
  const at = new Date(iso)
  const clock = at.toTimeString().slice(0, 8)
  if (at.toDateString() === new Date().toDateString()) return clock
  const two = (value: number) => String(value).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock}`
}
