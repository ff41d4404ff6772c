import { pageAddress, readReport, runsHere } from '../../pages/read-report.js'
import { eventsIn, timersIn } from '../../pages/read-work.js'
import type { EventsReport, TimerReport } from '../../pages/work-report.js'
import type { Naming } from '../naming.js'
import type { ServiceId } from '../service.js'

/** Timers and queues of one instance, or why they are not known. */
export interface WorkRow {
  readonly instance: string
  /** Its own page; only of an instance on this machine. */
  readonly page?: string
  /** When it made its report. */
  readonly at?: string
  readonly timers?: readonly TimerReport[]
  readonly events?: readonly EventsReport[]
  /** `elsewhere`: it runs on another machine, and is not asked. */
  readonly why?: 'elsewhere' | 'unread'
  readonly detail?: string
}

const MAX_INSTANCES = 20
const TIMEOUT_MS = 2_000

/**
 * Asks the instances of a service for their reports. The registry believes what registers: so that nothing but a page of this machine is
 * ever asked for, it asks addresses of this machine, over the loopback interface, for one path.
 */
export async function workOf(naming: Naming, service: ServiceId) {
  const all = naming.details(service).map(({ instance }) => instance)
  const shown = all.slice(0, MAX_INSTANCES)
  const instances = await Promise.all(
    shown.map(async (instance): Promise<WorkRow> => {
      const { ip, port } = instance
      const name = `${ip.includes(':') ? `[${ip}]` : ip}:${port}`
      if (!runsHere(instance)) return { instance: name, why: 'elsewhere' }
      const address = pageAddress(instance)
      const page = address && `${address.secure ? 'https' : 'http'}://localhost:${address.port}${address.path}`
      const read = await readReport(instance, { timeoutMs: TIMEOUT_MS })
      if ('reason' in read)
        return { instance: name, ...(page !== undefined && { page }), why: 'unread', detail: read.reason }
      const { at } = read.report
      const timers = timersIn(read.report) ?? []
      const events = eventsIn(read.report) ?? []
      return {
        instance: name,
        ...(page !== undefined && { page }),
        timers,
        events,
        ...(typeof at === 'string' && { at: at.slice(0, 40) }),
      }
    }),
  )
  return { instances, omitted: all.length - shown.length }
}
