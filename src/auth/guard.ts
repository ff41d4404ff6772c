import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { guardDecisions, shownPath } from '../diagnostics.js'
import { messageOf, SidecarError } from '../errors.js'
import type { Logger } from '../logger.js'
import type { AuthSettings } from '../settings/schema.js'
import { cutOff } from '../util/deadline.js'
import { createRedactor } from '../util/redactor.js'
import { mask } from '../util/secrets.js'
import { createDecisionCache } from './decision-cache.js'
import {
  BAD_TOKEN,
  BUSY,
  METHOD_UNCLEAR,
  NO_TOKEN,
  OPEN,
  REFUSED,
  SEVERAL_TOKENS,
  tooLong,
  UNAVAILABLE,
  type GuardDecision,
} from './decision.js'
import { compileExcludes } from './excludes.js'
import { handlerOf, hasOverride, methodsOf } from './method.js'
import { isUnguardedHealth, isUnguardedPreflight } from './unguarded.js'
import { createPendingChecks } from './pending-checks.js'
import { isVerbatim, parseRoutePath } from './route-path.js'
import { createDeniedCache } from './denied-cache.js'
import { findToken, isToken, SEVERAL } from './token.js'
import { answerUpgrade } from './upgrade.js'
import type { Verdict } from './auth-response.js'
import {
  createFunctionVerifier,
  createServiceVerifier,
  type CallAuthService,
  type Verifier,
  type Verify,
  type VerifyRequest,
} from './verifier.js'

export interface GuardOptions {
  readonly settings: AuthSettings
  /** The code of this application at the auth service. Not sent where it is left out. */
  readonly code?: string
  /** How to reach `auth.service`. */
  readonly call?: CallAuthService
  /** What the health pages are below, beside the usual paths. @default '/actuator' */
  readonly healthPath?: string
  /** Decides in code; goes before `auth.service`. */
  readonly verify?: Verify
  readonly logger: Logger
  /** Ends verifications under way; abort it after the drain, not before. */
  readonly signal?: AbortSignal
  /** Monotonic milliseconds. @default performance.now */
  readonly now?: () => number
}

export interface Guard {
  /**
   * Decides on a request; synchronous where the decision is cached or none is needed. Never throws or rejects.
   *
   * @param url request target as the router sees it, where that is not `request.url` (an app mounted in another).
   */
  check(request: IncomingMessage, url?: string): GuardDecision | Promise<GuardDecision>
  /**
   * Decides on a WebSocket upgrade, which passes no middleware. With `socket`, a refusal is answered and the socket
   * closed.
   *
   * @example
   * server.on('upgrade', async (request, socket, head) => {
   *   if ((await sidecar.guardUpgrade(request, socket)).allowed) wss.handleUpgrade(request, socket, head, accept)
   * })
   */
  upgrade(request: IncomingMessage, socket?: Duplex): Promise<GuardDecision>
}

/** What the guard keeps, as numbers. */
export interface GuardCounts {
  /** Cached permits and refusals, about, and the memory that they take, in bytes. */
  readonly permits: number
  readonly refusals: number
  readonly bytes: number
  /** Token checks under way. */
  readonly pending: number
}

/** A guard that says what it keeps. */
export interface CountedGuard extends Guard {
  counts(): GuardCounts
}

/** A check by the verifier: no cached decision exists. */
interface TokenCheck {
  readonly token: string
  /** `/users/1`, or `POST /users/1` */
  readonly target: string
  readonly method: string
  readonly path: string
  readonly request: IncomingMessage
}

const CACHE_LIMIT = 10_000
/** Of tokens and paths: some thousand tokens of the usual size. */
const PERMIT_BYTES = 8 * 1024 * 1024
const REFUSAL_BYTES = 2 * 1024 * 1024
/** A refusal expires sooner, so that a newly granted permission works soon. */
const REFUSAL_TTL_MS = 1_000
const DECISIONS: Record<Exclude<Verdict, 'allowed'>, GuardDecision> = { refused: REFUSED, unauthenticated: BAD_TOKEN }

/**
 * The guard in front of an app. Framework-free: adapters ask it.
 *
 * @throws SidecarError `SIDECAR_AUTH_SETTINGS` where it is enabled and there is nothing to ask, or an exclude is wrong.
 */
export function createGuard(options: GuardOptions): CountedGuard {
  const { settings, logger, healthPath = '/actuator' } = options
  const verifier = settings.enabled ? chooseVerifier(options) : undefined
  const isExcluded = compileExcludes(settings.excludePaths)
  const now = options.now ?? (() => performance.now())
  const permits = createDecisionCache(CACHE_LIMIT, settings.cacheTtl, now, PERMIT_BYTES)
  // Separate, and gone within a second: a flood of invented tokens must not evict valid ones.
  const denials = createDecisionCache(CACHE_LIMIT, REFUSAL_TTL_MS / 2, now, REFUSAL_BYTES)
  const pending = createPendingChecks(settings.maxPending, logger)
  const { maxLength = Infinity } = settings.token
  const overlong = tooLong(maxLength)
  const denied = settings.failOpen ? createDeniedCache(CACHE_LIMIT) : undefined
  const flights = new Map<string, Promise<GuardDecision | undefined>>()
  const health = createOutageLog(logger, settings.failOpen)
  const cached = settings.cacheTtl > 0

  function check(request: IncomingMessage, url = request.url ?? '/'): GuardDecision | Promise<GuardDecision> {
    if (!verifier) return OPEN
    const known = cachedPermit(request, url)
    if (known) return known
    if ((settings.openPreflight && isUnguardedPreflight(request, url)) || isUnguardedHealth(request, url, healthPath))
      return OPEN
    return authorize(verifier, request, url)
  }

  /**
   * The permit of a request whose path needs no parsing. It comes before excludes and health pages: for a permitted request
   * they would change nothing.
   */
  function cachedPermit(request: IncomingMessage, url: string): GuardDecision | undefined {
    if (!cached || !isVerbatim(url) || hasOverride(request)) return undefined
    const token = findToken(request, settings.token)
    if (token === undefined || !permits.get(token, targetOf(handlerOf(request.method), url))) return undefined
    return decide('allowed', token)
  }

  function authorize(verify: Verifier, request: IncomingMessage, url: string): GuardDecision | Promise<GuardDecision> {
    const { path, excludable } = parseRoutePath(url)
    if (excludable !== undefined && isExcluded(excludable)) return OPEN
    const token = findToken(request, settings.token)
    if (token === undefined) return NO_TOKEN
    if (token === SEVERAL) return SEVERAL_TOKENS
    const methods = methodsOf(request, url)
    if (methods === undefined) return METHOD_UNCLEAR
    if (typeof methods === 'string') return authorizeMethod(verify, token, methods, path, request)
    return every(methods, (method) => authorizeMethod(verify, token, method, path, request))
  }

  function authorizeMethod(
    verify: Verifier,
    token: string,
    method: string,
    path: string,
    request: IncomingMessage,
  ): GuardDecision | Promise<GuardDecision> {
    const target = targetOf(method, path)
    const verdict = cached ? (permits.get(token, target) ?? denials.get(token, target)) : undefined
    if (verdict) return decide(verdict, token)
    // Cached tokens are well-formed: only others are validated.
    if (isToken(token, maxLength)) return runCheck(verify, { token, target, method, path, request })
    return token.length > maxLength ? overlong : BAD_TOKEN
  }

  /** One check at a time per token and target; concurrent requests share its result. */
  async function runCheck(verify: Verifier, tokenCheck: TokenCheck): Promise<GuardDecision> {
    // A token holds no space, so no two checks share a key.
    const key = `${tokenCheck.token} ${tokenCheck.target}`
    const flight = cached ? flights.get(key) : undefined
    if (flight) {
      const shared = await flight
      if (shared) return shared
    }

    const finish = pending.start(tokenCheck.request)
    if (!finish) return BUSY
    const own = verifyOnce(verify, tokenCheck).finally(finish)
    if (!cached || flights.has(key)) return (await own).decision
    const outcome = own.then(({ decision, personal }) => (personal ? undefined : decision))
    flights.set(key, outcome)
    try {
      return (await own).decision
    } finally {
      flights.delete(key)
    }
  }

  async function verifyOnce(verify: Verifier, tokenCheck: TokenCheck) {
    const { token, method, path, request } = tokenCheck
    let personal = false
    try {
      const verdict = await cutOff(settings.timeout, [options.signal], (signal) => {
        const asked: VerifyRequest = {
          method,
          url: path,
          signal,
          get headers() {
            personal = true
            return request.headers
          },
        }
        return verify(token, asked)
      })
      if (!personal) remember(tokenCheck, verdict)
      health.up()
      return { decision: decide(verdict, token), personal }
    } catch (error) {
      // The error of a user's function may contain the token, or the address of a database with its password.
      health.down(mask(createRedactor([token])(messageOf(error))))
      return { decision: onOutage(tokenCheck), personal }
    }
  }

  function remember({ token, target }: TokenCheck, verdict: Verdict): void {
    const { cacheTtl } = settings
    if (cached && verdict === 'allowed') permits.set(token, target, verdict, cacheTtl)
    else if (cached) denials.set(token, target, verdict, Math.min(cacheTtl, REFUSAL_TTL_MS))
    denied?.record(token, target, verdict)
  }

  /** Fail-open admits tokens that were never checked; a refused one stays refused. */
  function onOutage({ token, target }: TokenCheck): GuardDecision {
    if (!settings.failOpen) return UNAVAILABLE
    return decide(denied?.lastDenial(token, target) ?? 'allowed', token)
  }

  return {
    counts: () => ({
      ...{ permits: permits.size, refusals: denials.size, bytes: permits.bytes + denials.bytes },
      pending: pending.count,
    }),
    check: (request, url) =>
      guardDecisions.active ? observed(request, () => check(request, url)) : check(request, url),
    async upgrade(request, socket) {
      const url = request.url ?? '/'
      // Neither health pages nor preflights are upgrades: only excludes open one.
      const deciding = Promise.resolve(verifier ? authorize(verifier, request, url) : OPEN)
      return socket ? answerUpgrade(socket, deciding) : deciding
    },
  }
}

/** For `diagnostics.ts`. */
function observed(request: IncomingMessage, decide: () => GuardDecision | Promise<GuardDecision>) {
  const since = performance.now()
  const publish = (decision: GuardDecision) => {
    guardDecisions.publish({
      ...{ method: request.method ?? '', path: shownPath(request.url ?? '/'), allowed: decision.allowed },
      ...{ status: decision.allowed ? undefined : decision.status, ms: performance.now() - since },
    })
    return decision
  }
  const decision = decide()
  return decision instanceof Promise ? decision.then(publish) : publish(decision)
}

function targetOf(method: string, path: string): string {
  return method === 'GET' && path.startsWith('/') ? path : `${method} ${path}`
}

/** The first refusal, or the permission for the last method: no check follows a refusal. */
async function every(
  methods: readonly string[],
  judge: (method: string) => GuardDecision | Promise<GuardDecision>,
): Promise<GuardDecision> {
  let decision: GuardDecision = OPEN
  for (const method of methods) {
    decision = await judge(method)
    if (!decision.allowed) return decision
  }
  return decision
}

function decide(verdict: Verdict, token: string): GuardDecision {
  return verdict === 'allowed' ? { allowed: true, token } : DECISIONS[verdict]
}

function chooseVerifier({ settings, verify, call, code }: GuardOptions): Verifier {
  if (verify) return createFunctionVerifier(verify)
  if (settings.service && call) return createServiceVerifier({ call, path: settings.path, code })
  throw new SidecarError(
    'SIDECAR_AUTH_SETTINGS',
    'auth.enabled is true, but there is nothing to check tokens with: set auth.service (service name or base URL of the auth service) in bootstrap.yml, pass a verify function in code, or set auth.enabled: false',
  )
}

/** One line when the verifier goes and one when it is back, however many requests come between. */
function createOutageLog(logger: Logger, failOpen: boolean) {
  let failures = 0
  const meanwhile = failOpen ? 'requests with a token pass unchecked (auth.fail-open)' : 'guarded requests get 503'
  return {
    up() {
      if (failures > 0)
        logger.info(
          `auth: the verifier decides again after ${failures} failed ${failures === 1 ? 'request' : 'requests'}`,
        )
      failures = 0
    },
    down(reason: string) {
      if (failures++ === 0) logger.warn(`auth: the verifier does not decide: ${reason}; ${meanwhile} until it does`)
      else logger.debug(`auth: the verifier does not decide: ${reason}`)
    },
  }
}
