import type { StatusReport } from './status-report.js'
import type { EventHandlerReport, EventsReport, TimerReport } from './work-report.js'

/** Rows of one instance, and characters of one text: an instance may say whatever it likes. */
const MAX_ROWS = 500
const MAX_TEXT = 2_000

/** The timers that a report of another process holds, in their own types; `undefined` if it tells of none: it is of an earlier version. */
export function timersIn({ timers }: Partial<StatusReport>): TimerReport[] | undefined {
  return rowsIn(timers)?.map((timer) => ({
    ...{ name: text(timer['name']) ?? '', schedule: text(timer['schedule']) ?? '' },
    on: timer['on'] === 'one' ? 'one' : 'each',
    ...{ nextAt: time(timer['nextAt']), lastBeganAt: time(timer['lastBeganAt']), lastError: text(timer['lastError']) },
    ...{ lastMs: typeof timer['lastMs'] === 'number' ? timer['lastMs'] : undefined, running: count(timer['running']) },
    ...{ runs: count(timer['runs']), failures: count(timer['failures']), skipped: count(timer['skipped']) },
  }))
}

/** The event buses that a report of another process tells of; `undefined` for an earlier version. */
export function eventsIn({ events }: Partial<StatusReport>): EventsReport[] | undefined {
  return rowsIn(events)?.map((bus) => {
    const [broker = {}] = rowsIn([bus['broker']]) ?? []
    return {
      broker: {
        url: text(broker['url']) ?? '',
        connected: broker['connected'] === true,
        lastError: text(broker['lastError']),
      },
      ...{ emitted: count(bus['emitted']), emitFailures: count(bus['emitFailures']) },
      lastEmitError: text(bus['lastEmitError']),
      handlers: (rowsIn(bus['handlers']) ?? []).map(handlerIn),
    }
  })
}

function handlerIn(row: Record<string, unknown>): EventHandlerReport {
  const { mode } = row
  return {
    ...{ source: text(row['source']) ?? '', type: text(row['type']) ?? '', handler: text(row['handler']) ?? '' },
    mode: mode === 'singleton' || mode === 'broadcast' ? mode : 'pool',
    ...{ queue: text(row['queue']) ?? '', concurrency: count(row['concurrency']), inHand: count(row['inHand']) },
    ...{ handled: count(row['handled']), failed: count(row['failed']), retried: count(row['retried']) },
    ...{ buried: count(row['buried']), lastError: text(row['lastError']) },
  }
}

function rowsIn(value: unknown): Record<string, unknown>[] | undefined {
  if (!Array.isArray(value)) return undefined
  const rows = value.filter((row): row is Record<string, unknown> => typeof row === 'object' && row !== null)
  return rows.slice(0, MAX_ROWS)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT) : undefined
}

function time(value: unknown): string | undefined {
  return typeof value === 'string' && value.length < 40 && !Number.isNaN(Date.parse(value)) ? value : undefined
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}
