import { Command } from 'commander'
import { messageOf } from '../errors.js'
import { serviceNameOf } from '../registration/instance.js'
import type { Sidecar } from '../sidecar.js'
import { isObject } from '../util/is-object.js'
import { withDeadline } from '../util/deadline.js'
import { portNumber } from './arguments.js'
import { asGuest, withGuestOptions, WITHOUT_DOCUMENTS, type GuestFlags } from './guest.js'
import { namespaceOf } from './services.js'
import { formatTable, type Cell } from './table.js'

interface HealthFlags extends GuestFlags {
  readonly port?: number
  readonly app?: boolean
}

interface Checked {
  readonly what: 'app' | 'registry' | 'instances'
  /** `undefined`: it was not asked. */
  readonly up: boolean | undefined
  readonly detail: string
}

const TIMEOUT_MS = 5_000

/** `nacos-sidecar health`: of the app on this machine, the registry, and the instances of the service. */
export function healthCommand(): Command {
  return withGuestOptions(
    new Command('health')
      .description('Ask the app on this machine, the registry, and the instances of the service for their health.')
      .option('-p, --port <port>', 'port of the app (default: server.port)', portNumber)
      .option('--app', 'ask the app only: for the health check of a container'),
  ).action((flags: HealthFlags) => asGuest(flags, WITHOUT_DOCUMENTS, (sidecar) => printHealth(sidecar, flags)))
}

async function printHealth(sidecar: Sidecar, flags: HealthFlags): Promise<void> {
  const port = flags.port ?? sidecar.settings.server.port
  const checks = [checkApp(port), ...(flags.app ? [] : [checkRegistry(sidecar)])]
  const checked = (await Promise.all(checks)).flat()
  // Asked for the app alone, an unknown port is no answer.
  if (checked.some(({ up }) => up === false) || checked.every(({ up }) => up === undefined)) process.exitCode = 1
  if (flags.json) return console.log(JSON.stringify(checked, undefined, 2))
  const rows = checked.map(({ what, up, detail }): Cell[] => [
    what,
    up === undefined ? 'not asked' : up ? { text: 'UP', state: 'good' } : { text: 'DOWN', state: 'bad' },
    detail,
  ])
  console.log(formatTable(['what', 'health', 'detail'], rows))
}

async function checkApp(port: number | undefined): Promise<Checked[]> {
  if (!port) return [{ what: 'app', up: undefined, detail: 'set server.port, or --port' }]
  const url = `http://127.0.0.1:${port}/actuator/health`
  try {
    const body = await withDeadline(TIMEOUT_MS, [], async (signal) => {
      const response = await fetch(url, { signal })
      const text = await response.text()
      return { ok: response.ok, status: response.status, health: statusIn(text) }
    })
    const detail = `${url}: ${body.status}${body.health ? ` ${body.health}` : ''}`
    return [{ what: 'app', up: body.ok && (body.health ?? 'UP') === 'UP', detail }]
  } catch (error) {
    const { cause } = error as { cause?: unknown }
    return [{ what: 'app', up: false, detail: `${url}: ${messageOf(cause ?? error)}` }]
  }
}

/** `status` of a page as Spring has it. */
function statusIn(text: string): string | undefined {
  try {
    const page: unknown = JSON.parse(text)
    return isObject(page) && typeof page['status'] === 'string' ? page['status'] : undefined
  } catch {
    return undefined
  }
}

async function checkRegistry(sidecar: Sidecar): Promise<Checked[]> {
  const { nacos, settings } = sidecar
  const { group } = settings.cloud.nacos.discovery
  const service = nameOf(sidecar)
  const name = service ?? 'nacos-sidecar'
  try {
    const instances = await nacos.list({ namespace: namespaceOf(sidecar), group, service: name })
    const { server, protocol } = nacos.describe()
    const registry: Checked = { what: 'registry', up: true, detail: `${server}, ${protocol}` }
    if (service === undefined) return [registry]
    const healthy = instances.filter((one) => one.healthy && one.enabled).length
    const detail = `${healthy} of ${instances.length} of ${service} are healthy`
    return [registry, { what: 'instances', up: healthy > 0, detail }]
  } catch (error) {
    return [{ what: 'registry', up: false, detail: messageOf(error) }]
  }
}

/** `undefined` where nothing names the service of this folder. */
function nameOf({ settings }: Sidecar): string | undefined {
  try {
    return serviceNameOf(settings)
  } catch {
    return undefined
  }
}
