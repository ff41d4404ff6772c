import type { IncomingMessage } from 'node:http'
import { PROBED, UNAVAILABLE, type GuardDecision, type Refusal } from '../auth/decision.js'
import { currentContext, runWithContext, type RequestContext } from '../context.js'
import type { AppHooks, AroundRequests, Arrival, Handle } from './adapter.js'

type GuardHook = NonNullable<AppHooks['guard']>

/** Runs the handler with the token and trace of the request in context, or refuses the request. */
export function handleRequest<T>(
  hooks: AppHooks,
  arrival: Arrival,
  handle: Handle<T>,
  refuse: (refusal: Refusal) => T,
): T | Promise<T> {
  const { request, url } = arrival
  if (hooks.onRequest?.(request)) return refuse(PROBED)
  hooks.observe?.(arrival)
  if (!hooks.guard) return admit(hooks, arrival, handle, refuse)
  const decision = askGuard(hooks.guard, request, url)
  return isImmediate(decision)
    ? applyDecision(decision, hooks, arrival, handle, refuse)
    : orUnavailable(decision).then((late) => applyDecision(late, hooks, arrival, handle, refuse))
}

function applyDecision<T>(
  decision: GuardDecision,
  hooks: AppHooks,
  arrival: Arrival,
  handle: Handle<T>,
  refuse: (refusal: Refusal) => T,
): T | Promise<T> {
  return decision.allowed ? admit(hooks, arrival, handle, refuse, decision.token) : refuse(decision)
}

function admit<T>(
  hooks: AppHooks,
  arrival: Arrival,
  handle: Handle<T>,
  refuse: (refusal: Refusal) => T,
  token?: string,
): T | Promise<T> {
  const { around } = hooks
  if (!around?.active) return runInContext(hooks, arrival.request, handle, token)
  return runInContext(hooks, arrival.request, inside(around, hooks, arrival, handle, refuse), token)
}

/** A function of its own: what its closure holds is allocated for requests with something around them only. */
function inside<T>(
  around: AroundRequests,
  hooks: AppHooks,
  arrival: Arrival,
  handle: Handle<T>,
  refuse: (refusal: Refusal) => T,
): () => T | Promise<T> {
  return () => (isOwnPage(hooks, arrival) ? handle() : around.serve(arrival, handle, refuse))
}

/** The sidecar's own pages are no work of the app: no limit of it may refuse a health check. */
function isOwnPage({ page }: AppHooks, { request, response, url = request.url ?? '/' }: Arrival): boolean {
  return page(request, response, url) !== undefined
}

/** Passes the decision of the guard to `then`, synchronously if it is known. A guard that fails refuses. */
export function decide<T>(
  guard: GuardHook,
  request: IncomingMessage,
  url: string | undefined,
  then: (decision: GuardDecision) => T,
): T | Promise<T> {
  const decision = askGuard(guard, request, url)
  return isImmediate(decision) ? then(decision) : orUnavailable(decision).then(then)
}

function isImmediate(decision: GuardDecision | Promise<GuardDecision>): decision is GuardDecision {
  return 'allowed' in decision
}

function orUnavailable(decision: Promise<GuardDecision>): Promise<GuardDecision> {
  return decision.catch(() => UNAVAILABLE)
}

function askGuard(
  guard: GuardHook,
  request: IncomingMessage,
  url: string | undefined,
): GuardDecision | Promise<GuardDecision> {
  try {
    return guard(request, url)
  } catch {
    return UNAVAILABLE
  }
}

/** @param token as the guard has found it, where it has looked */
export function runInContext<T>(hooks: AppHooks, request: IncomingMessage, handle: () => T, token?: string): T {
  if (!hooks.context) return handle()
  const context = hooks.context(request, token)
  // A pipelined request is parsed within the one before it, whose token it must not inherit.
  if (!context) return currentContext() === undefined ? handle() : runWithContext({}, handle)
  if (hasBody(request)) keepContext(request, context)
  return runWithContext(context, handle)
}

/** Whether events of a body come, outside of the context in which the request is handled. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/**
 * Node emits the body's events outside the context the handler runs in, so whatever a body parser (multer, Fastify's
 * own) goes on to call would have lost it.
 */
function keepContext(request: IncomingMessage, context: RequestContext): void {
  const emit = request.emit
  request.emit = function (this: IncomingMessage, ...event: Parameters<typeof emit>) {
    if (currentContext() === context) return Reflect.apply(emit, this, event)
    return runWithContext(context, () => Reflect.apply(emit, this, event))
  } as typeof emit
}
