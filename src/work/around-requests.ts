import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AroundRequests, Arrival, Handle } from '../adapters/adapter.js'
import { hasBody } from '../adapters/admission.js'
import { TOO_MANY, type Refusal } from '../auth/decision.js'
import { codeOf, messageOf, SidecarError } from '../errors.js'
import { isServerProbe } from '../lifecycle/server-probe.js'
import type { Logger } from '../logger.js'
import { mask } from '../util/secrets.js'
import { textOf } from '../util/text-of.js'
import type { Arounds } from './arounds.js'
import { currentWork, runAsWork } from './current-work.js'
import { ServedWork } from './request-work.js'
import type { Work } from './work.js'

/** What is around work, around the requests of an app. */
export function createAroundRequests(arounds: Arounds, logger: Logger): AroundRequests {
  /** An app in another one, or one that handles a request anew, takes it in twice. */
  const taken = new WeakSet<ServerResponse>()

  function begin<T>(
    arrival: Arrival,
    handle: Handle<T>,
    refuse: (refusal: Refusal) => T,
    settle: (result: T | Promise<T>) => void,
  ): void {
    const { request, response } = arrival
    const work = new ServedWork(arrival)
    if (hasBody(request)) keepWork(request, work)
    let reached = false
    let handled = false
    const run = async () => {
      reached = true
      settle(handle())
      handled = true
      await work.ended
    }
    const fail = (reason: unknown) => {
      // It waited for its turn, and its caller has gone away: that is no error of the app.
      if (!reached && work.signal.aborted && reason === work.signal.reason) return settle(undefined as T)
      const error = errorOf(reason)
      if (codeOf(error) === 'SIDECAR_WORK_LIMIT' && !reached) return settle(refuse(TOO_MANY))
      const log = () =>
        logger.error(`${work.name}: what sidecar.around has put around it failed: ${mask(messageOf(error))}`)
      if (!handled && !response.headersSent && !response.destroyed) return settle(handle({ error, log }))
      log()
      settle(undefined as T)
    }
    const done = () => {
      if (reached) return
      if (response.headersSent || response.writableEnded || response.destroyed) return settle(undefined as T)
      fail(
        new SidecarError(
          'SIDECAR_AROUND_INVALID',
          `${work.name}: a function of sidecar.around neither called next() nor answered: call next(), or end work.response`,
        ),
      )
    }
    const cut = (error: unknown) => {
      logger.error(`${work.name}: its error could not be answered: ${mask(messageOf(error))}`)
      response.destroy()
      settle(undefined as T)
    }
    runAsWork(work, () => arounds.run(work, run))
      .then(done, fail)
      .catch(cut)
  }

  return {
    get active() {
      return arounds.has('request')
    },
    serve<T>(arrival: Arrival, handle: Handle<T>, refuse: (refusal: Refusal) => T) {
      if (taken.has(arrival.response) || isServerProbe(arrival.request)) return handle()
      taken.add(arrival.response)
      return new Promise<T>((resolve) => begin(arrival, handle, refuse, resolve))
    },
  }
}

/** To Express and Fastify nothing is no error, and 'route' is a way: the handler would run. */
function errorOf(thrown: unknown): object {
  if (typeof thrown === 'object' && thrown !== null) return thrown
  return new Error(`${textOf(thrown)} was thrown`, { cause: thrown })
}

/** Node emits the events of a body outside of the work that reads it. */
function keepWork(request: IncomingMessage, work: Work): void {
  const emit = request.emit
  request.emit = function (this: IncomingMessage, ...event: Parameters<typeof emit>) {
    const go = () => Reflect.apply(emit, this, event)
    return currentWork() === work ? go() : runAsWork(work, go)
  } as typeof emit
}
