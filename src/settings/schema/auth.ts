import { durationMs, flag, integer, list, oneOf, positiveMs, section, text, wordList } from '../kinds.js'

/** `auth`: the guard. */
export const auth = section({
  /** `true` guards the app: requests need a token that the auth service permits. */
  enabled: flag.default(false),
  /** `true` lets requests with a token pass while the auth service is down. */
  failOpen: flag.default(false),
  /** Paths that need no token: whole segments (`/public`) and globs (`/static/**`). */
  excludePaths: list.default([]),
  /** Deadline of one request to the auth service. */
  timeout: positiveMs.default(5_000),
  /** Service name or base URL of the auth service. */
  service: text.optional(),
  /** Path of the check on the auth service. */
  path: text.default('/external/auth/check'),
  /** Code of this application, sent to the auth service. @default the value of `application.code` */
  code: text.optional(),
  /** How long a permission for a token and a route is cached; a refusal is cached for one second at most. 0 caches none. */
  cacheTtl: durationMs.default(5_000),
  /**
   * Limit of pending token checks; one connection may have half of them. Above it, requests that need a check get 503
   * with `Retry-After`. Requests with a cached decision and health pages need no check.
   */
  maxPending: integer(1, 100_000).default(256),
  /** `true` lets CORS preflights pass without a token: OPTIONS with Origin and Access-Control-Request-Method, and no body. */
  openPreflight: flag.default(true),
  token: section({
    /** `true` also reads the token from the query: `?token=` or `?access_token=`. */
    query: flag.default(true),
    /** `true` also reads the token from the cookies `token` and `access_token`. */
    cookies: flag.default(true),
    /**
     * The only places where the token is read, the strongest first: `bearer`, `cookies`, `query`, `x-auth-token`, `x-token`.
     * @default all of them; a request with different tokens is refused
     */
    sources: wordList('bearer', 'cookies', 'query', 'x-auth-token', 'x-token').optional(),
    /** Longest accepted token, in characters. @default Node's limit on headers: 16 KB, --max-http-header-size */
    maxLength: integer(1, 1_000_000).optional(),
  }).prefault({}),
  /**
   * `first` guards every route and every upgrade (WebSockets), in front of the app, or of the server that is found if
   * there is no app. `manual` leaves the place to the app: `sidecar.guard()`, `check()` and `guardUpgrade()`.
   */
  mount: oneOf('first', 'manual').default('first'),
})
