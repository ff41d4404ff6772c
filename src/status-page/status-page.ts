import type { IncomingMessage, ServerResponse } from 'node:http'
import { createSendings } from '../actuator/sendings.js'
import type { DirectAnswer, DirectPage } from '../adapters/adapter.js'
import type { GuardDecision } from '../auth/decision.js'
import { withoutQuery } from '../auth/route-path.js'
import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'
import { createPageFiles, PAGE_HEADERS } from '../pages/files.js'
import type { PropertyStore } from '../properties/store.js'
import type { Settings } from '../settings/schema.js'
import { denialOf } from './access.js'
import { createReportBuilder, type StatusFacts } from './build-report.js'
import { hideSecrets } from './hide-secrets.js'
import { OWN_PATTERN, STATUS_PATH } from './path.js'

export interface StatusPageOptions {
  readonly settings: Settings
  readonly store: Pick<PropertyStore, 'explain'>
  readonly logger: Logger
  /** The service runs in production (util/production.ts). */
  readonly production: boolean
  readonly facts: StatusFacts
  /** The guard's decision; asked with `auth.enabled` only. */
  readonly decide: (request: IncomingMessage, target: string) => GuardDecision | Promise<GuardDecision>
  /** Aborts when the sidecar has stopped. */
  readonly signal: AbortSignal
}

/** The page `/_sidecar`, and what it reads. */
export interface StatusPage {
  /** The page for this request target, or `undefined`: then it is the app's. */
  page(request: IncomingMessage, response: ServerResponse, target: string): DirectPage | undefined
  /** The pattern of what `page` answers, for the figures. */
  patternOf(method: string, target: string): string | undefined
}

const BELOW = /^\/(?:status\.json|config\.json|(?:base|status)\/[\w-]+\.(?:js|css|svg))?$/
/** A report is made this often at most, however many windows ask. */
const KEPT_MS = 500

/** @returns `undefined` where there is none: in production without `sidecar.page: true` or without the guard, and with `false` */
export function createStatusPage(options: StatusPageOptions): StatusPage | undefined {
  const { settings, store, logger, production, signal } = options
  const { auth, sidecar } = settings
  if (!(sidecar.page ?? !production)) return undefined
  if (production && !auth.enabled) {
    logger.warn(
      'sidecar.page is true, but there is no /_sidecar in production without the guard: set auth.enabled: true, or sidecar.page: false',
    )
    return undefined
  }
  const files = createPageFiles({ page: 'status', prefix: `${STATUS_PATH.slice(1)}/` })
  const report = createReportBuilder(options.facts)
  const access = { production, decide: auth.enabled ? options.decide : undefined }
  let kept: { readonly json: string; readonly untilMs: number } | undefined
  let secrets: readonly string[] = []
  const sendings = createSendings()

  function statusJson(): string {
    const now = performance.now()
    if (kept && now < kept.untilMs) return kept.json
    const made = report()
    secrets = made.secrets
    const json = hideSecrets(JSON.stringify(made.report), secrets)
    kept = { json, untilMs: now + KEPT_MS }
    return json
  }

  /** Why a key has its value. */
  function explain(key: string): DirectAnswer {
    // Everything at once would be every document, as often as one asks.
    if (key === '') return refused(404, 'Name a key: ?key=')
    // It knows the secrets of now.
    statusJson()
    try {
      return json(200, hideSecrets(JSON.stringify(store.explain(key)), secrets))
    } catch {
      return refused(404, 'There is no such key')
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse, target: string): Promise<DirectAnswer> {
    const path = withoutQuery(target)
    const rest = path.slice(STATUS_PATH.length)
    const denial = await denialOf(request, target, rest === '', access)
    if (denial) return refused(denial.status, denial.reason)
    const query = new URLSearchParams(target.slice(path.length))
    switch (rest) {
      case '':
        return tokenCookie(request, query, settings) ?? fileAnswer(files.html(etagOf(request)))
      case '/':
        // What the page names is relative, so that it works below the path of a proxy.
        return {
          status: 308,
          body: '',
          headers: { ...PAGE_HEADERS, Location: `..${STATUS_PATH}${target.slice(path.length)}` },
        }
      case '/status.json':
        return sendings.begin(response)
          ? json(200, statusJson())
          : refused(503, 'Too many answers wait for their readers')
      case '/config.json':
        return explain(query.get('key') ?? '')
      default: {
        const file = files.file(path.slice(1), etagOf(request))
        return file ? fileAnswer(file) : refused(404, 'There is no such file')
      }
    }
  }

  const isOwn = (method: string, target: string) =>
    target.startsWith(STATUS_PATH) &&
    (method === 'GET' || method === 'HEAD') &&
    isBelow(withoutQuery(target).slice(STATUS_PATH.length))

  return {
    page(request, response, target) {
      if (!isOwn(request.method ?? 'GET', target) || signal.aborted) return undefined
      return async () => {
        try {
          return await answer(request, response, target)
        } catch (error) {
          logger.error(`${withoutQuery(target)}: the page could not be made: ${messageOf(error)}`)
          return refused(500, 'The page could not be made: see the log')
        }
      }
    },
    patternOf: (method, target) => (isOwn(method, target) ? OWN_PATTERN : undefined),
  }
}

function isBelow(rest: string): boolean {
  return rest === '' || BELOW.test(rest)
}

/**
 * A token in the address would be missing in what the page goes on to ask for: it moves to a cookie, for the page alone and for
 * as long as the browser runs, and out of the address. Not with a link of another site: the token would be of its choice.
 */
function tokenCookie(request: IncomingMessage, query: URLSearchParams, { auth }: Settings): DirectAnswer | undefined {
  const { cookies, sources } = auth.token
  const name = ['token', 'access_token'].find((one) => query.get(one))
  if (/-site$/.test(String(request.headers['sec-fetch-site']))) return undefined
  if (!auth.enabled || name === undefined || !cookies || (sources && !sources.includes('cookies'))) return undefined
  const secure = 'encrypted' in request.socket ? '; Secure' : ''
  const cookie = `${name}=${encodeURIComponent(query.get(name)!)}; Path=${STATUS_PATH}; HttpOnly; SameSite=Strict${secure}`
  const headers = { ...PAGE_HEADERS, 'Cache-Control': 'no-store', 'Set-Cookie': cookie, Location: `.${STATUS_PATH}` }
  return { status: 303, body: '', headers }
}

function etagOf({ headers }: IncomingMessage): string | undefined {
  return headers['if-none-match']
}

function fileAnswer({ status, body, headers }: ReturnType<ReturnType<typeof createPageFiles>['html']>): DirectAnswer {
  return { status, body, headers }
}

function json(status: number, body: string): DirectAnswer {
  const headers = { ...PAGE_HEADERS, 'Cache-Control': 'no-store', 'Content-Type': 'application/json; charset=utf-8' }
  return { status, body, headers }
}

function refused(status: 401 | 403 | 404 | 500 | 503, message: string): DirectAnswer {
  const answer = json(status, JSON.stringify({ code: status, message }))
  return status === 401 ? { ...answer, headers: { ...answer.headers, 'WWW-Authenticate': 'Bearer' } } : answer
}
