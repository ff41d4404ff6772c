// Written by `npm run schema` from ../schema.ts and ../schema/: change those.

/** The settings below `auth`. */
export interface AuthSettings {
  /** `true` guards the app: requests need a token that the auth service permits. */
  readonly enabled: boolean
  /** `true` lets requests with a token pass while the auth service is down. */
  readonly failOpen: boolean
  /** Paths that need no token: whole segments (`/public`) and globs (`/static/**`). */
  readonly excludePaths: readonly string[]
  /** Deadline of one request to the auth service. */
  readonly timeout: number
  /** Path of the check on the auth service. */
  readonly path: string
  /** How long a permission for a token and a route is cached; a refusal is cached for one second at most. 0 caches none. */
  readonly cacheTtl: number
  /**
   * Limit of pending token checks; one connection may have half of them. Above it, requests that need a check get 503
   * with `Retry-After`. Requests with a cached decision and health pages need no check.
   */
  readonly maxPending: number
  /** `true` lets CORS preflights pass without a token: OPTIONS with Origin and Access-Control-Request-Method, and no body. */
  readonly openPreflight: boolean
  readonly token: {
    /** `true` also reads the token from the query: `?token=` or `?access_token=`. */
    readonly query: boolean
    /** `true` also reads the token from the cookies `token` and `access_token`. */
    readonly cookies: boolean
    /**
     * The only places where the token is read, the strongest first: `bearer`, `cookies`, `query`, `x-auth-token`, `x-token`.
     * @default all of them; a request with different tokens is refused
     */
    readonly sources?: readonly ('query' | 'cookies' | 'bearer' | 'x-auth-token' | 'x-token')[] | undefined
    /**
     * Longest accepted token, in characters.
     * @default Node's limit on headers: 16 KB, --max-http-header-size
     */
    readonly maxLength?: number | undefined
  }
  /**
   * `first` guards every route and every upgrade (WebSockets), in front of the app, or of the server that is found if
   * there is no app. `manual` leaves the place to the app: `sidecar.guard()`, `check()` and `guardUpgrade()`.
   */
  readonly mount: 'first' | 'manual'
  /** Service name or base URL of the auth service. */
  readonly service?: string | undefined
  /**
   * Code of this application, sent to the auth service.
   * @default the value of `application.code`
   */
  readonly code?: string | undefined
}
