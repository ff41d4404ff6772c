import type { DevServer, DevServerOptions } from 'nacos-sidecar/testing'
import { expect, vi } from 'vitest'
import { send, type Exchange } from '../../support/wire-replay.js'

/** A recorded exchange that the embedded registry answers differently, and why it does. */
export interface Declared {
  readonly case: string
  readonly reason: string
}

/** Recordings that are replayed against one registry. */
export interface Session {
  readonly title: string
  readonly server: 'nacos-2.2.4' | 'nacos-3.0.3'
  readonly files: readonly string[]
  readonly options?: DevServerOptions
  /** Another status, media type or body shape. */
  readonly differs?: readonly Declared[]
  /** The same shape with other values. */
  readonly loose?: readonly Declared[]
  /** About a server that does not play the API: every exchange is judged, none counts for the agreement. */
  readonly beside?: boolean
  /** What happened beside the recording. */
  readonly before?: (exchange: Exchange, stage: Stage) => Exchange | Promise<Exchange>
}

export interface Stage {
  registry: DevServer
  token: string
  nowMs: number
}

const because = (reason: string, ...cases: string[]): Declared[] => cases.map((name) => ({ case: name, reason }))

/** A hold long enough to act in, for whatever the client asks. */
const listener = { shortestHoldMs: 400, headStartMs: 60_000 }

const auth = { username: 'nacos', password: 'nacos', tokenTtlSeconds: 12 }

const NAMING_FILES = [
  'v1-instance-register',
  'v1-beat',
  'v1-list',
  'v1-instance-detail-update',
  'v1-instance-delete',
  'v1-service',
]
const CONFIG_FILES = ['v1-config', 'v1-config-large']

/** What the recorder did to a document while a listener was held. */
const withChanges =
  (dataId: string) =>
  (exchange: Exchange, { registry }: Stage) => {
    const soon = (act: () => void) => void setTimeout(act, 50)
    if (exchange.title.startsWith('change published')) soon(() => registry.configs.publish({ dataId, content: 'v2' }))
    if (exchange.title.startsWith('deleted 2.0 s')) soon(() => registry.configs.delete({ dataId }))
    if (exchange.title.startsWith('created 2.0 s')) soon(() => registry.configs.publish({ dataId, content: 'v3' }))
    return exchange
  }

/** The recorder kept 9001 alive and let 9002 fall silent. */
async function withSilence(exchange: Exchange, stage: Stage): Promise<Exchange> {
  if (!exchange.title.startsWith('list healthyOnly=false')) return exchange
  stage.nowMs += 10_000
  const beat = {
    method: 'PUT',
    path: '/nacos/v1/ns/instance/beat',
    headers: {},
    body: 'serviceName=prot-26434&ip=127.0.0.1&port=9001',
  }
  expect((await send(stage.registry.port, beat)).body).toContain('10200')
  stage.nowMs += 10_000
  await vi.waitFor(() => {
    const [service] = stage.registry.services().filter(({ service }) => service === 'prot-26434')
    expect(service?.instances.filter(({ healthy }) => !healthy)).toHaveLength(1)
  })
  return exchange
}

async function withToken(exchange: Exchange, stage: Stage): Promise<Exchange> {
  if (exchange.title === 'expired token: register') stage.nowMs += 14_000
  const token = exchange.title === 'tampered token' ? `${stage.token.slice(0, -4)}AAAA` : stage.token
  const fill = (text: string) => text.replaceAll('TOKEN', token)
  const headers = Object.fromEntries(Object.entries(exchange.headers).map(([name, value]) => [name, fill(value)]))
  return { ...exchange, path: fill(exchange.path), headers, body: exchange.body && fill(exchange.body) }
}

const STALE =
  'Nacos shows a change of an instance up to 0.6 s late, one of a document 0.1 s; the embedded registry at once'
const BETA = 'beta publishing is not part of the embedded registry'
const ONE_USER = 'the embedded registry has one user'
const NO_DEFAULT_USER = 'there is no default user'
const OPERATORS = 'an operator’s page that no client asks for'
const ADMIN_AUTH = '3.x guards its admin API even where auth is off; the embedded registry has one switch'
const BEFORE = 'counts what the recorder did before'
const IN_3_0_WORDS = 'one server refuses a token in one way: in 3.x’s words'
const HISTORY = 'no history is kept'

export const sessions: Session[] = [
  {
    title: 'v1 naming',
    server: 'nacos-3.0.3',
    files: [...NAMING_FILES, 'v1-errors'],
    differs: because(
      STALE,
      'v1-instance-register: list persistent after delete',
      'v1-beat: its list entry',
      'v1-instance-delete: list after',
    ),
    loose: because('quotes a Java parser', 'v1-beat: beat JSON broken'),
  },
  {
    title: 'v1 configs',
    server: 'nacos-3.0.3',
    files: [...CONFIG_FILES, 'config-cas'],
    differs: [
      ...because(
        STALE,
        'v1-config: GET right after publish #0',
        'v1-config: GET right after publish #1',
        'v1-config: GET right after publish #2',
        'v1-config: GET at once after delete',
      ),
      ...because(
        BETA,
        'v1-config: betaIps publish (header betaIps=127.0.0.1)',
        'v1-config: GET after beta publish (client ip in betaIps)',
      ),
    ],
  },
  {
    title: 'v1 listening',
    server: 'nacos-3.0.3',
    files: ['v1-config-listener', 'config-tenant-public'],
    options: { listener },
    before: withChanges('lst-24413'),
  },
  {
    title: 'protection threshold',
    server: 'nacos-3.0.3',
    files: ['protect-threshold'],
    options: { tickMs: 10 },
    differs: because(ADMIN_AUTH, 'protect-threshold: PUT service protectThreshold=0.6 (v3 admin)'),
    before: withSilence,
  },
  {
    title: 'auth on',
    server: 'nacos-3.0.3',
    files: ['auth'],
    options: { auth },
    differs: [
      ...because(OPERATORS, 'auth: v3 admin namespace list'),
      ...because(STALE, 'auth: v3 list with token'),
      ...because('a header that opens the registry is a default key', 'auth: server identity header'),
      ...because(
        ONE_USER,
        'auth: create user u1 (v3)',
        'auth: login u1',
        'auth: u1 (no role) registers',
        'auth: u1 lists',
        'auth: u1 reads config',
        'auth: u1 v3 register',
      ),
    ],
    before: withToken,
  },
  {
    title: 'auth off',
    server: 'nacos-3.0.3',
    files: ['auth-off-login', 'admin-auth-default'],
    differs: [
      ...because(
        NO_DEFAULT_USER,
        'auth-off-login: /v1/auth/login nacos/nacos',
        'auth-off-login: /v3/auth/user/login nacos/nacos',
        'auth-off-login: /v3/auth/user/login nacos/wrong',
      ),
      ...because(
        ADMIN_AUTH,
        'admin-auth-default: v3 admin publish without token',
        'admin-auth-default: v3 admin instance list',
      ),
      ...because(STALE, 'admin-auth-default: v1 get'),
    ],
    loose: [
      ...because(BEFORE, 'admin-auth-default: v1 service list'),
      ...because(ADMIN_AUTH, 'admin-auth-default: v3 admin state'),
    ],
  },
  { title: 'preflight and HEAD', server: 'nacos-3.0.3', files: ['http-features'] },
  {
    title: 'v3',
    server: 'nacos-3.0.3',
    files: ['v3-client-ns', 'v3-client-cs', 'v3-admin'],
    differs: because(
      OPERATORS,
      'v3-admin: /v3/admin/core/namespace/list',
      'v3-admin: /v3/admin/core/cluster/node/list',
    ),
    loose: because(BEFORE, 'v3-admin: /v3/admin/ns/service/list', 'v3-admin: /v3/admin/ns/client/list'),
  },

  { title: 'v1 naming', server: 'nacos-2.2.4', files: NAMING_FILES },
  {
    title: 'v1 configs',
    server: 'nacos-2.2.4',
    files: [...CONFIG_FILES, 'config-cas'],
    differs: [
      ...because(HISTORY, 'v1-config: history'),
      ...because('casMd5 is honoured, as by 3.x', 'config-cas: v2 header casMd5 stale'),
    ],
    loose: [
      ...because('which documents come first is the database’s choice', 'v1-config: search blur'),
      ...because('a data id that 2.3 and later refuse is not there', 'v1-config: search accurate'),
    ],
  },
  {
    title: 'protection threshold',
    server: 'nacos-2.2.4',
    files: ['protect-threshold'],
    options: { tickMs: 10 },
    before: withSilence,
  },
  {
    title: 'auth on',
    server: 'nacos-2.2.4',
    files: ['auth'],
    options: { auth },
    differs: because(ONE_USER, 'auth: create user u1', 'auth: u1 v2 register'),
    loose: because(
      IN_3_0_WORDS,
      'auth: v2 register without token',
      'auth: v2 list without token',
      'auth: v2 config without token',
      'auth: expired token: v2 list',
    ),
    before: withToken,
  },
  {
    title: 'v2',
    server: 'nacos-2.2.4',
    files: ['v2-ns', 'v2-cs'],
    differs: [
      ...because('2.3 and later check a port before Spring reads it', 'v2-ns: POST bad port'),
      ...because(BEFORE, 'v2-ns: client list'),
      ...because(HISTORY, 'v2-cs: history list'),
    ],
    loose: because(BEFORE, 'v2-ns: service list'),
  },
  {
    title: 'a server without v3',
    server: 'nacos-2.2.4',
    files: ['v3-client-ns', 'v3-client-cs', 'v3-admin'],
    options: { apis: ['v1'] },
    beside: true,
  },
]
