import { durationMs, flag, list, oneOf, positiveMs, section, text } from '../kinds.js'

/** `auth`: the guard. */
export const auth = section({
  enabled: flag.default(false),
  /** Lets a request with a token pass while the auth service is down. */
  failOpen: flag.default(false),
  /** Paths that need no token: whole segments and globs. */
  excludePaths: list.default([]),
  timeout: positiveMs.default(5_000),
  /** Logical name or base URL of the central auth service. */
  service: text.optional(),
  path: text.default('/external/auth/check'),
  /** What this application calls itself there; `application.code` where it is left out. */
  code: text.optional(),
  cacheTtl: durationMs.default(5_000),
  token: section({ query: flag.default(true), cookies: flag.default(true) }).prefault({}),
  /** `first` guards every route by itself; `manual` leaves it to `sidecar.guard()`. */
  mount: oneOf('first', 'manual').default('first'),
})
