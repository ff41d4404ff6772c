import { SidecarError, type SidecarErrorCode } from '../../errors.js'

/**
 * Why a request brought no result. The first group blames the node and sends the request to the next one; the second
 * is the registry's answer, which every node would give.
 */
export type FailureKind = NodeFailureKind | 'denied' | 'login' | 'no-route' | 'partial' | 'refused' | 'aborted'
type NodeFailureKind =
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'reset'
  | 'status'
  | 'redirect'
  | 'page'
  | 'throttled'
  | 'truncated'
  | 'malformed'
  | 'too-large'

const NODE: ReadonlySet<FailureKind> = new Set<FailureKind>([
  'connect',
  'tls',
  'timeout',
  'reset',
  'status',
  'redirect',
  'page',
  'throttled',
  'truncated',
  'malformed',
  'too-large',
])
const NEVER_SENT: ReadonlySet<FailureKind> = new Set<FailureKind>(['connect', 'tls'])

/** What the layers below the transport throw; callers of the transport only ever see `SidecarError`. */
export class RequestFailure extends Error {
  /** `host:port (why)` of each node that was asked. */
  tried: readonly string[] = []
  /** What the server asked to wait before the next request (`retry-after`). */
  retryAfterMs: number | undefined
  /** What to do, if the answer shows more than its kind. */
  advice: string | undefined

  constructor(
    readonly kind: FailureKind,
    /** Why, in words fit for a message; never a secret. */
    readonly detail: string,
    /** Node's or TLS's own error code. */
    readonly code?: string,
  ) {
    super(detail)
  }

  /** The node failed, not the request. */
  get blamesNode(): boolean {
    return NODE.has(this.kind)
  }

  /** The server may have acted on it. */
  get maySent(): boolean {
    return !NEVER_SENT.has(this.kind)
  }
}

export function isFailure(error: unknown, kind: FailureKind): boolean {
  return error instanceof RequestFailure && error.kind === kind
}

const CODES: Record<FailureKind, SidecarErrorCode> = {
  connect: 'SIDECAR_REGISTRY_UNAVAILABLE',
  tls: 'SIDECAR_REGISTRY_UNAVAILABLE',
  timeout: 'SIDECAR_REGISTRY_UNAVAILABLE',
  reset: 'SIDECAR_REGISTRY_UNAVAILABLE',
  status: 'SIDECAR_REGISTRY_UNAVAILABLE',
  redirect: 'SIDECAR_REGISTRY_UNAVAILABLE',
  throttled: 'SIDECAR_REGISTRY_UNAVAILABLE',
  page: 'SIDECAR_REGISTRY_ANSWER',
  aborted: 'SIDECAR_REGISTRY_UNAVAILABLE',
  truncated: 'SIDECAR_REGISTRY_ANSWER',
  malformed: 'SIDECAR_REGISTRY_ANSWER',
  'too-large': 'SIDECAR_REGISTRY_ANSWER',
  denied: 'SIDECAR_REGISTRY_REFUSED',
  login: 'SIDECAR_REGISTRY_LOGIN',
  refused: 'SIDECAR_REGISTRY_REFUSED',
  'no-route': 'SIDECAR_REGISTRY_UNSUPPORTED',
  partial: 'SIDECAR_REGISTRY_UNSUPPORTED',
}

const ADVICE: Record<FailureKind, string> = {
  connect: 'Check cloud.nacos.server-addr and that the registry runs; for development, "npx nacos-sidecar dev" is one.',
  tls: 'Check cloud.nacos.tls: ca-file must hold the authority that signed the certificate, and server-addr (or tls.server-name) the host name in the certificate.',
  timeout: 'The registry is too slow or a firewall drops the packets; cloud.nacos.request-timeout sets the limit.',
  reset: 'The registry or a proxy closed the connection.',
  status: 'See the log of the registry.',
  redirect:
    'A gateway or a single sign-on answers for the registry, and redirects are not followed: let cloud.nacos.server-addr lead to Nacos itself.',
  throttled: 'The registry or a gateway in front of it limits requests.',
  page: 'A gateway, a single sign-on or a console answers, not the API of Nacos: check cloud.nacos.server-addr and context-path.',
  truncated: 'The registry or a proxy cut the answer off.',
  malformed: 'Check that cloud.nacos.server-addr and context-path lead to Nacos and not to another server.',
  'too-large': 'Check that cloud.nacos.server-addr leads to Nacos.',
  denied:
    'Check the credentials (cloud.nacos.username and password, or access-key and secret-key) and their permissions.',
  login: 'Check cloud.nacos.username and cloud.nacos.password.',
  refused: 'Correct the value that the registry refuses.',
  'no-route': 'Check cloud.nacos.context-path and api-version.',
  partial:
    'Open the gRPC port of the registry (HTTP port + 1000), or name every cluster in cloud.nacos.discovery.watch-clusters: then an empty list counts.',
  aborted: '',
}

/** A `SidecarError` with the kind of the failure, which is finer than its code; for the layers above the transport. */
export class RegistryError extends SidecarError {
  // Private, so that it is not printed with the error.
  readonly #kind: FailureKind
  readonly #told: { readonly why: string; readonly advice: string }

  constructor(
    kind: FailureKind,
    message: string,
    cause: Error,
    told: { readonly why: string; readonly advice: string },
  ) {
    super(CODES[kind], message, { cause })
    this.#kind = kind
    this.#told = told
  }

  /** The parts of the message: which node failed and how, and what to do. */
  get told(): { readonly why: string; readonly advice: string } {
    return this.#told
  }

  get kind(): FailureKind {
    return this.#kind
  }
}
// It is printed under the name that users know.
Object.defineProperty(RegistryError, 'name', { value: 'SidecarError' })

/**
 * What the user reads. Its `cause` is a plain error: those of the HTTP client carry the request with its credentials.
 *
 * @param what the operation and its target: `listing DEFAULT_GROUP@@orders`
 * @param server the node that answered, where no node failed
 * @param advice instead of the usual one
 */
export function sidecarError(
  what: string,
  failure: RequestFailure,
  server: string,
  redact: (text: string) => string,
  advice = failure.advice ?? ADVICE[failure.kind],
): RegistryError {
  const { tried, detail, code } = failure
  const attempts = tried.length > 1 ? ` after ${tried.length} attempts` : ''
  const why = tried.length > 0 ? tried.join('; ') : `${server}: ${detail}`
  const cause = Object.assign(new Error(redact(detail)), code === undefined ? {} : { code })
  const start = what.charAt(0).toUpperCase() + what.slice(1)
  const told = { why: redact(why), advice }
  return new RegistryError(failure.kind, redact(`${start} failed${attempts}: ${why}. ${advice}`.trim()), cause, told)
}
