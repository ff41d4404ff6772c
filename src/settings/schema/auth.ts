import { durationMs, flag, integer, list, oneOf, positiveMs, section, text, wordList } from '../kinds.js'

/** `auth`: the guard. */
export const auth = section({
  /** Guards the app. */
  enabled: flag.default(false),
  /** Lets a request with a token pass while the auth service is down. */
  failOpen: flag.default(false),
  /** Paths that need no token: whole segments and globs. */
  excludePaths: list.default([]),
  /** How long the auth service may take to decide. */
  timeout: positiveMs.default(5_000),
  /** Logical name or base URL of the central auth service. */
  service: text.optional(),
  /** Path of the check at the auth service. */
  path: text.default('/external/auth/check'),
  /** What this application calls itself there; `application.code` where it is left out. */
  code: text.optional(),
  /** How long a permission is remembered, for its token and route; a refusal, a second at most. 0: not at all. */
  cacheTtl: durationMs.default(5_000),
  /**
   * Checks of tokens under way at once, half of them at most for one connection; beyond, requests that need a check get
   * 503 with `Retry-After`. What is remembered, and health pages, need none.
   */
  maxPending: integer(1, 100_000).default(256),
  /** Lets CORS preflights pass without a token: OPTIONS with Origin and Access-Control-Request-Method, and no body. */
  openPreflight: flag.default(true),
  token: section({
    /** Takes the token from the query, `?token=` or `?access_token=`, as well. */
    query: flag.default(true),
    /** Takes the token from the cookies `token` and `access_token` as well. */
    cookies: flag.default(true),
    /**
     * The only places a token is taken from, the strongest first: `bearer`, `cookies`, `query`, `x-auth-token`, `x-token`.
     * @default all of them; a request in which they hold different tokens is refused
     */
    sources: wordList('bearer', 'cookies', 'query', 'x-auth-token', 'x-token').optional(),
    /** Longest token, in characters. @default what Node's limit on headers lets in: 16 KB, --max-http-header-size */
    maxLength: integer(1, 1_000_000).optional(),
  }).prefault({}),
  /**
   * `first` guards every route by itself: in front of the app, or without one in front of the server that is found, and
   * upgrades (WebSockets) as well; `manual` leaves it to the app: `sidecar.guard()`, `check()` and `guardUpgrade()`.
   */
  mount: oneOf('first', 'manual').default('first'),
})
