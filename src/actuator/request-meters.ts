import type { OperationKind } from '../observe/operation.js'
import type { OutcomeFigures } from '../observe/outcomes.js'
import type { Recorder } from '../observe/recorder.js'
import { METER_NAMES, type MeteredKind } from './live-settings.js'
import type { Meter, Tags, Timing } from './meter.js'

/** What Micrometer writes where there is none. */
const NONE = 'none'
const UNKNOWN = 'UNKNOWN'
const OUTCOMES = ['INFORMATIONAL', 'SUCCESS', 'REDIRECTION', 'CLIENT_ERROR', 'SERVER_ERROR']

/**
 * The figures of requests in the names and tags of Micrometer and Spring Boot 3, and those of the other operations in our
 * own.
 *
 * @param bounds of buckets in seconds
 */
export function requestMeters(recorder: Recorder, bounds: (kind: MeteredKind) => readonly number[]): Meter[] {
  const timer = (
    name: string,
    description: string,
    kind: OperationKind,
    tagsOf: (name: string, figures: OutcomeFigures) => Tags,
    boundsOf: () => readonly number[] = () => [],
  ): Meter => ({
    type: 'timer',
    ...{ name, description },
    *timings() {
      const seconds = boundsOf()
      for (const operation of recorder.byOutcome(kind))
        for (const one of operation.outcomes) yield timingOf(one, tagsOf(operation.name, one), seconds)
    },
  })
  const operation = (name: string, { code }: OutcomeFigures) => ({ operation: name, error: code ?? NONE })
  return [
    timer(METER_NAMES.server, 'Requests that this service has served', 'server', serverTags, () => bounds('server')),
    timer(METER_NAMES.client, 'Requests that this service has sent', 'client', clientTags, () => bounds('client')),
    {
      type: 'counter',
      name: 'nacos.sidecar.call.attempts',
      description: 'Requests that calls have taken, those that were sent again included',
      *samples() {
        for (const { name, attempts } of recorder.byOutcome('client'))
          yield { tags: partsOfCall(name), value: attempts }
      },
    },
    timer('nacos.sidecar.resolve', 'Questions to the registry for the instances of a service', 'resolve', operation),
    timer('nacos.sidecar.config.requests', 'Requests to the registry for documents', 'config', operation),
    timer('nacos.sidecar.auth.checks', 'Checks of tokens that the auth service decides on', 'auth', operation),
    timer('nacos.sidecar.timers', 'Runs of timers of the app', 'timer', operation),
    timer('nacos.sidecar.events', 'Events that handlers of the app were given', 'event', operation),
    timer('nacos.sidecar.rpc', 'Requests by messages that this service has served', 'rpc', operation),
    timer('nacos.sidecar.operations', "The app's own operations", 'custom', operation),
  ]
}

function timingOf({ count, total, max, histogram }: OutcomeFigures, tags: Tags, bounds: readonly number[]): Timing {
  const timing = { tags, count, totalMs: total, maxMs: max }
  if (!histogram || bounds.length === 0) return timing
  const counts = histogram.upTo(bounds.map((seconds) => seconds * 1000))
  return { ...timing, buckets: bounds.map((seconds, index) => ({ seconds, count: counts[index]! })) }
}

/** `GET /users/:id`, `GET *`, `other`. */
function serverTags(name: string, { status, code }: OutcomeFigures): Tags {
  const [, method = UNKNOWN, route = name] = /^(\S+) (.*)$/s.exec(name) ?? []
  const facts = { exception: code ?? NONE, error: code ?? NONE, method, outcome: outcomeOf(status) }
  const uri = route === '*' ? uriWithoutRoute(status) : route
  return { ...facts, status: status === 0 ? UNKNOWN : String(status), uri }
}

/** As Spring's convention has it; `/**` is the route of its 404. */
function uriWithoutRoute(status: number): string {
  if (status === 404) return '/**'
  return status >= 300 && status < 400 ? 'REDIRECTION' : UNKNOWN
}

function clientTags(name: string, { status, code }: OutcomeFigures): Tags {
  const facts = { exception: code ?? NONE, error: code ?? NONE, outcome: outcomeOf(status) }
  return { ...partsOfCall(name), ...facts, status: status === 0 ? 'CLIENT_ERROR' : String(status) }
}

/** `GET user-service/users/{id}`, `GET user-service`, `GET http://10.0.0.1:80/users`, `other`. */
function partsOfCall(name: string): Tags {
  const [, method, client, path] = /^(\S+) (?:http:\/\/)?((?:https:\/\/)?[^/]*)(.*)$/s.exec(name) ?? []
  if (method === undefined) return { 'client.name': NONE, method: UNKNOWN, uri: name }
  return { 'client.name': client!, method, uri: path || NONE }
}

function outcomeOf(status: number): string {
  return OUTCOMES[Math.floor(status / 100) - 1] ?? UNKNOWN
}
