/** What must hold, a row each. Titles of tests begin with the id: `R12: …`, `fault 7: …`, `attack: …`. */
export interface ReliabilityRow {
  readonly id: string
  readonly holds: string
  /** Where the titles do not say it: the file that tests the row. */
  readonly file?: string
}

export interface ReliabilityTable {
  readonly title: string
  readonly rows: readonly ReliabilityRow[]
}

const rows = (prefix: string, holds: readonly string[]): ReliabilityRow[] =>
  holds.map((text, index) => ({ id: `${prefix}${index + 1}`, holds: text }))

const REGISTRY = rows('R', [
  'A v3 list without a cluster name is partial on Nacos 3.0 to 3.2: instances of every cluster are found',
  'A stale `casMd5` is `false`, by the words of the refusal, whatever the status',
  'A config change arrives within 150 ms (p99) wherever the server has a listener',
  'A server that refuses `/v3/…` with 401 or 403 is asked by v1',
  'A heartbeat answered with 200 is a heartbeat; its `clientBeatInterval` counts where the file says nothing',
  'Lease times follow the rule of the server; defaults adapt to what the file says',
  '`preserved.*` times below 1 s are raised to it, with one warning about the unit',
  'An address with a scheme is used as it stands; 8848 is for bare hosts',
  '`endpoint`: the address server is asked for the nodes, again and again',
  '`ip: auto` and an empty `ip` mean: choose',
  'The embedded registry checks parameters as Nacos 2.3 and later do',
  'An absurd weight takes no service away; a balancer that cannot be made freezes no route',
  '`status()` says where a list comes from, and how often that failed',
  '`user-service` and `DEFAULT_GROUP@@user-service` share one state',
  'What can be registered can be called: one rule for names',
  'Secrets are blanked where they are values, never inside other words',
  'Redirects, gateway pages and the address of the console are named as what they are',
])

const CONFIGURATION = rows('C', [
  '`spring.redis.*` and `redis.*` are two properties; only the sections of the sidecar may drop `spring.`',
  'One unusable document ends no start without `fail-fast`: it is reported once, and followed until it is good',
  'A placeholder of the app is resolved when it is read, over all sources',
  '`ext-config`, `shared-dataids`, `refreshable-dataids` work as in Spring Cloud Alibaba',
  'application.yml, .properties files, `SPRING_APPLICATION_JSON`, profile groups and `inetutils` are read',
  'Parameters of an import that are not known are named; `;` separates imports',
  'A flat key beside the same nested key: the later one counts',
  'An empty value in a stronger document is an empty text',
  'No document within `max-bytes` blocks the event loop for more than 50 ms, or costs more than 1 s',
  'Typed reads convert numbers and booleans as YAML 1.1 does; text stays as written',
  'An encrypted document (`cipher-*`) says so, and is never read as keys',
  'Passwords inside values, userinfo and more key names are masked',
])

const GUARD = rows('G', [
  'Only a true CORS preflight passes without a token',
  'A server found without an app is guarded, HTTP and upgrade; what cannot be guarded is an error or a warning',
  'Checks under way and sockets to the auth service are bounded; health answers meanwhile',
  'A method override is asked about, or refused',
  'Several different tokens are refused unless the settings name which one counts',
  'Control and bidirectional characters are escaped in every text that leaves',
  'A drain header made by a third party takes no instance away',
  'Fastify error handlers run behind the guard, or the documentation warns',
  'The cache of decisions is bounded by bytes; refusals are kept for 1 s',
  'Wrong options of a call are `SIDECAR_CALL_INVALID`',
  'The embedded registry throttles logins and closes silent connections',
  'The mode of the log file is documented, and not readable for all',
])

const JAVA = rows('J', [
  'Shared and extension configs default to `DEFAULT_GROUP`',
  'With imports only the imports are loaded; precedence as in Spring, in both modes',
  '`port: -1` and a single lease key are accepted',
  '`spring.profiles.group` activates its profiles, local and remote',
  'application.yml alone or beside bootstrap.yml; `optional:file:` and `classpath:` imports',
  'JSON, XML, empty and YAML 1.1 values are the same as in Java when read with a type',
  '`refresh` of shared configs defaults to false, as in Spring',
  'Known Spring Cloud Alibaba keys without effect are one info line',
  'Rolling restart under stock OpenFeign and Spring Cloud Gateway callers: no failed call',
  'An instance registered over v3 has an instance id where the API takes it',
  'An encrypted document says so (as C11)',
  'The embedded registry answers old SDKs as a real server does, UDP push included',
])

const CALLS = rows('K', [
  'One `traceparent` header on the wire where an OpenTelemetry SDK is active',
  'Hooks of a start and a stop',
  'One rule of retries for typed clients, fetch, axios and undici',
  'Logical names in every client (issue G)',
  'Without a name in the settings, the name of package.json counts',
  'Errors are recognised across the ESM and the CommonJS copy',
  'The suite of real servers passes on any Nacos, and says what was left out',
  'Open answers to one instance do not make further calls wait without end',
  '204, 205, 304 and answers to HEAD are complete with their head',
  'A method of a subclass wins in every compiler mode',
  'Content-Length is sent where the length is known',
  'Two sidecars on one app: the server closes with its last owner',
  'A server that is closed and listens again is registered again',
  'Two Set-Cookie headers stay two',
  'A connection that was never made moves on, whatever the body',
  'A WebSocket server beside a guarded app is guarded or warned of (as G2)',
  'A development start does not drain',
  'Open WebSockets and event streams are told, and bounded, at a stop',
  'The limit of a token is a setting; the message names it',
  'Many calls may share one AbortSignal without a warning',
  'A stream given as a body is destroyed when the call ends early',
  '`accept-encoding` is sent, and every coding of zlib is decoded',
  'An axios request with an adapter of its own keeps logical names, or is an error',
  'Bad arguments are `SIDECAR_CALL_INVALID` before anything is sent; 304 is an answer',
  'A registry that is down at the start is one line a cause, and one when it is over',
  'An uncaught error prints as `SidecarError`; a missing file offers the next step',
  "The app's own server is registered, by what it serves",
  'Servers made around the app (socket.io, vhost, terminus) are registered and guarded',
  'Informational answers (1xx) pass',
  'State is taken back when the app listens again',
  'Bodies without a meaning in JSON are encoded or refused, never `{}`',
  'The timeout covers the whole call, interceptors too',
  'Other shutdown libraries beside the sidecar: warned of, documented',
  'SIGHUP and SIGQUIT deregister as SIGINT does',
  'Unknown charsets: UTF-8 where it is valid, else an error',
  'Calls stand on the prototype in every compiler mode',
  'Differences to OpenFeign are built, or rows in docs/migration.md',
  'An HTTP/2-only server is warned of',
  'A bundled app works, or the documentation says how',
])

const FAULTS: ReliabilityRow[] = rows('fault ', [
  'Registry down at the start',
  'Registry dies later',
  'Registry restarts empty',
  'Registry 30 s slow',
  'Registry answers 500',
  '403 or expired token',
  'Wrong password',
  'Malformed JSON',
  'Truncated body',
  'Empty list',
  'Half-open TCP',
  'Reset in mid-body of a call',
  'DNS failure, then a new address',
  'One of three registry nodes dead or black-holed',
  'Flapping registry node',
  '`kill -9` of a provider under load',
  'Rolling restart of three providers under load',
  'Every provider ejected',
  'Retry storm',
  'POST, connection reset',
  'SIGTERM with requests in flight',
  'SIGINT; second SIGINT',
  'uncaughtException',
  'Deregister hangs',
  'Event loop blocked 20 s',
  'Suspended 60 s',
  'Clock jumps an hour either way',
  'Corrupt or empty snapshot file',
  'Snapshot directory unwritable or disk full',
  '`kill -9` in mid-write of a snapshot',
  'bootstrap.yml missing or unreadable',
  'Invalid YAML, tabs',
  'Wrong type',
  'Unknown placeholder',
  'Circular placeholder',
  'Duplicate keys',
  'BOM, CRLF; UTF-16',
  'Config not found',
  'Config deleted while running',
  'Bad YAML pushed while running',
  'A listener throws or hangs',
  'Huge config (10 MB)',
  '10,000 instances in one service',
  '1,000 services watched',
  'Duplicate, reordered or spoofed push',
  'Port already in use',
  '`listen()` never called; port 0',
  'Four cluster workers',
  'IPv6, many NICs, Docker bridge',
  '1,000 start/stop cycles',
  'The webhook of alerts hangs',
  'A hook of a start or a stop throws',
  'A hook of a start or a stop hangs; second signal',
  'The reporter of figures cannot send',
  'Label explosion: 100,000 distinct paths',
  'Metrics page under load; scrapers that never read',
  'Two tracers in one process',
  'Log file on a full disk',
])

const attack = (id: string, ...files: string[]) =>
  files.map((file) => ({ id, holds: id, file: `test/attacks/${file}.test.ts` }))

const ATTACKS: ReliabilityRow[] = [
  ...attack('Man in the middle', 'man-in-the-middle'),
  ...attack('Secret leak', 'secret-leak'),
  ...attack('Secret leak over HTTP', 'secret-leak-http'),
  ...attack('SSRF by service name, path variable, redirect', 'ssrf'),
  ...attack('Stolen Authorization', 'stolen-authorization'),
  ...attack('CRLF in a header or path', 'crlf'),
  ...attack('Snapshot traversal', 'snapshot-traversal'),
  ...attack('Exclude bypass', 'exclude-bypass'),
  ...attack('ReDoS in excludes', 'redos'),
  ...attack('Fail-open', 'fail-open'),
  ...attack('Prototype pollution, YAML bombs', 'yaml-bombs'),
  ...attack('Big or endless answer, gzip bomb', 'endless-answer'),
  ...attack('Embedded registry', 'dev-server'),
]

/** The rows that a later issue brings: no test is asked for yet. */
export const LATER: ReadonlySet<string> = new Set(['K4'])

export const TABLES: readonly ReliabilityTable[] = [
  { title: 'Registry and servers', rows: REGISTRY },
  { title: 'Configuration', rows: CONFIGURATION },
  { title: 'Guard', rows: GUARD },
  { title: 'Beside Java', rows: JAVA },
  { title: 'Calls, adapters, life', rows: CALLS },
  { title: 'Faults', rows: FAULTS },
  { title: 'Attacks', rows: ATTACKS },
]
