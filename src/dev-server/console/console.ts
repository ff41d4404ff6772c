import type { IncomingMessage } from 'node:http'
import { createPageFiles } from '../../pages/files.js'
import { reasonNotLocal } from '../../pages/local-request.js'
import { isConsole, remoteOf } from '../access.js'
import type { Auth } from '../auth.js'
import { readBody } from '../body.js'
import type { HttpLimits } from '../http.js'
import type { Reply, StreamReply } from '../reply.js'
import { tooMany } from '../reply.js'
import { ActionRefusal, configIn, consoleActions } from './actions.js'
import type { ActionParts } from './actions.js'
import { followRegistry } from './live.js'
import type { LiveOptions } from './live.js'
import { configRow, nameOf, serviceOfKey } from './rows.js'
import { workOf } from './work.js'

export interface ConsoleOptions extends LiveOptions, ActionParts {
  readonly auth: Auth
  readonly limits: HttpLimits
  /** Facts about this registry. */
  readonly about: () => About
}

export interface About {
  /** For `cloud.nacos.server-addr`. */
  readonly address: string
  readonly grpcPort: number | undefined
  readonly apis: readonly string[]
  readonly keepsConfigs: boolean
  readonly startedMs: number
}

/** The files and endpoints of the console; the registry's own API is below `/nacos`. */
const PREFIX = '/_dev/'
const API = `${PREFIX}api/`
/** A form of another site cannot send it, and a script of another site may not. */
export const ACTION_HEADER = 'x-sidecar-console'

const STATUS = { invalid: 400, 'not-found': 404, conflict: 409, 'not-empty': 409, 'published-key': 400 }

/** GET / and /nacos/ (the page), /_dev/files/… (its scripts and styles) and /_dev/api/… (what they ask for). */
export function createConsole(options: ConsoleOptions) {
  const files = createPageFiles({ page: 'console', prefix: `${PREFIX}files/` })
  const api = createApi(options)

  return (request: IncomingMessage): Reply | StreamReply | Promise<Reply | StreamReply> | undefined => {
    const path = (request.url ?? '').split('?', 1)[0]!
    const reads = request.method === 'GET' || request.method === 'HEAD'
    if (reads && isConsole(path)) return files.html(request.headers['if-none-match'])
    if (!path.startsWith(PREFIX)) return undefined
    const file = reads ? files.file(path, request.headers['if-none-match']) : undefined
    if (file) return file
    return api(request, path).catch((error: unknown) => {
      if (!(error instanceof ActionRefusal)) throw error
      return answer({ code: error.code, message: error.message }, STATUS[error.code])
    })
  }
}

function createApi(options: ConsoleOptions) {
  const { auth, store, history, audience, about, limits } = options
  const actions = consoleActions(options)

  type Read = (query: URLSearchParams, request: IncomingMessage) => Reply | StreamReply | Promise<Reply>
  const reads: Readonly<Record<string, Read>> = {
    live: (query) => ({
      status: 200,
      headers: { 'Content-Type': 'application/x-ndjson; charset=utf-8', 'Cache-Control': 'no-store' },
      stream(write) {
        write(`${JSON.stringify({ type: 'about', ...about() })}\n`)
        return followRegistry(options, serviceOfKey(query.get('service')), write)
      },
    }),

    config(query) {
      const id = configIn(namesIn(query))
      const config = store.get(id)
      const versions = history.of(id)
      if (!config && versions.length === 0) throw new ActionRefusal('not-found', 'There is no such document.')
      return answer({
        ...nameOf(id),
        ...(config && { ...configRow(config, options), content: config.content, createdMs: config.createdMs }),
        history: versions.map(({ content, ...version }) => ({ ...version, bytes: Buffer.byteLength(content) })),
        audience: audience.listeners(id),
      })
    },

    'config/version'(query) {
      const found = history.of(configIn(namesIn(query))).find(({ version }) => String(version) === query.get('version'))
      if (!found) throw new ActionRefusal('not-found', 'There is no such version (any more).')
      return answer(found)
    },

    /** The instances answer this machine only: a visitor from elsewhere must not read them through this registry. */
    async work(query, request) {
      const why = reasonNotLocal(request)
      if (why !== undefined) return answer({ code: 'not-local', message: why }, 403)
      const service = serviceOfKey(query.get('service'))
      if (!service) throw new ActionRefusal('invalid', 'Expected a service.')
      return answer(await workOf(options.naming, service))
    },

    /** Which documents hold a text: the browser knows their names only. */
    'config/search'(query) {
      const wanted = (query.get('text') ?? '').toLowerCase()
      const found = store.all().filter(({ content }) => content.toLowerCase().includes(wanted))
      return answer({ found: found.map(nameOf) })
    },
  }

  return async (request: IncomingMessage, path: string): Promise<Reply | StreamReply> => {
    const name = path.startsWith(API) ? path.slice(API.length) : ''
    const { method } = request
    if (method === 'GET' && name === 'state') return answer({ auth: auth.enabled })
    const isLogin = name === 'login'
    const read = method === 'GET' && Object.hasOwn(reads, name) ? reads[name] : undefined
    const action = method === 'POST' && Object.hasOwn(actions, name) ? actions[name] : undefined
    if (!read && !action && !(isLogin && method === 'POST')) {
      return answer({ code: 'not-found', message: 'There is no such endpoint.' }, 404)
    }
    if (auth.enabled && !isLogin && auth.check(bearerOf(request)) !== 'ok') {
      return answer({ code: 'unauthorized', message: 'Sign in first.' }, 401)
    }
    if (read) return read(new URLSearchParams((request.url ?? '').split('?')[1] ?? ''), request)
    if (request.headers[ACTION_HEADER] === undefined) {
      return answer({ code: 'invalid', message: `A change needs the header ${ACTION_HEADER}.` }, 403)
    }
    const body = jsonIn(await readBody(request, limits))
    return isLogin ? login(auth, body, request) : answer(action!(body, remoteOf(request)) ?? {})
  }
}

function login(auth: Auth, { username, password }: Readonly<Record<string, unknown>>, request: IncomingMessage): Reply {
  const outcome = auth.login(String(username), String(password), remoteOf(request))
  if (typeof outcome === 'string')
    return answer({ code: 'wrong-password', message: 'Wrong user name or password.' }, 401)
  if ('waitMs' in outcome) throw tooMany(outcome.waitMs, API)
  return answer({ token: outcome.token })
}

function answer(body: unknown, status = 200): Reply {
  return {
    status,
    body: JSON.stringify(body),
    type: 'application/json; charset=utf-8',
    headers: { 'Cache-Control': 'no-store' },
  }
}

function bearerOf(request: IncomingMessage): string | undefined {
  return /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
}

function namesIn(query: URLSearchParams): Record<string, string> {
  return Object.fromEntries(['namespace', 'group', 'dataId'].map((name) => [name, query.get(name) ?? '']))
}

function jsonIn(raw: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(raw.toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Refused below.
  }
  throw new ActionRefusal('invalid', 'Expected a JSON object.')
}
