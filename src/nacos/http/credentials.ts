import type { Logger } from '../../logger.js'
import { backOffMs } from '../../util/backoff.js'
import { RequestFailure } from './failure.js'
import type { AccessTokenSource } from '../access-token.js'

/** What a login brought. */
export interface LoginResult {
  /** `undefined` if the server wants none. */
  readonly token: string | undefined
  readonly ttlMs: number
}

export interface CredentialsOptions {
  readonly username: string
  readonly logger: Logger
  /** One login; rejects with a `RequestFailure`. */
  readonly login: () => Promise<LoginResult>
  /** `host:port`, for messages. */
  readonly server: () => string
}

interface Token {
  /** `undefined`: the server wants none. */
  readonly value: string | undefined
  readonly renewAtMs: number
  readonly endsAtMs: number
}

/** Renewed when this share of its life is over. */
const RENEW_AT = 0.8
const RETRY = { firstMs: 1_000, lastMs: 60_000, spread: 0.5 }
/** No second login for requests that a fresh token did not help: they lack a right, not a token. */
const RENEWED_REJECTED_MS = 10_000

/**
 * The access token of a user: fetched once however many ask (single flight), renewed early and unseen, fetched anew
 * when the server no longer accepts it. A login that fails is not the end: servers without authentication refuse one
 * too.
 */
export class Credentials implements AccessTokenSource {
  readonly #options: CredentialsOptions
  #token: Token | undefined
  #flight: Promise<void> | undefined
  #failure: RequestFailure | undefined
  #failures = 0
  #failedAtMs = 0
  #notBeforeMs = 0
  #reloginNotBeforeMs = 0
  #alarmed = false
  /** Whether a request without a token was let in, or refused; `undefined` before either. */
  #needed: boolean | undefined

  constructor(options: CredentialsOptions) {
    this.#options = options
  }

  /** Why the last login failed, if it did and the server wants one. */
  get failure(): RequestFailure | undefined {
    return this.#needed ? this.#failure : undefined
  }

  /** True while there is no point in sending anything: a login is needed, was refused, and is not tried again yet. */
  get blocked(): boolean {
    return this.failure?.blamesNode === false && this.#flight === undefined && performance.now() < this.#notBeforeMs
  }

  /** The current token, for callers that cannot wait for a login. */
  get current(): string | undefined {
    return this.#token && performance.now() < this.#token.endsAtMs ? this.#token.value : undefined
  }

  /** The token to send, or `undefined` to go without. */
  async token(): Promise<string | undefined> {
    const now = performance.now()
    const token = this.#token
    if (token && now < token.renewAtMs) return token.value
    if (token && now < token.endsAtMs) {
      void this.#login()
      return token.value
    }
    if (this.#needed !== false) await this.#login()
    return this.current
  }

  /**
   * After a 403 to a request that carried `used`: another token to try once more with, or `undefined` where there is
   * none.
   */
  async renew(used: string | undefined): Promise<string | undefined> {
    this.#refused()
    const { current } = this
    if (current !== used && current !== undefined) return current
    const now = performance.now()
    if (used !== undefined && now < this.#reloginNotBeforeMs) return undefined
    await this.#login()
    const fresh = this.current
    return fresh === used ? undefined : fresh
  }

  /** A new token was refused as well. */
  onRenewedTokenRejected(): void {
    this.#reloginNotBeforeMs = performance.now() + RENEWED_REJECTED_MS
  }

  /** The server let in a request without a token: it has no authentication, or none for this. */
  onAnonymousAccepted(): void {
    this.#needed = false
  }

  /** A failed login turns out to matter: logs it, once until a login works. */
  #refused(): void {
    const { logger, username, server } = this.#options
    this.#needed = true
    // It answers again: no need to wait until an outage would have been asked about.
    if (this.#failure?.blamesNode) this.#notBeforeMs = Math.min(this.#notBeforeMs, this.#failedAtMs + RETRY.firstMs)
    if (!this.#failure || this.#alarmed) return
    this.#alarmed = true
    const outcome = this.#failure.blamesNode ? 'did not answer' : 'refuses'
    logger.error(`Registry ${server()} ${outcome} the login of ${username}: ${this.#failure.detail}`)
  }

  /** Never rejects: what went wrong is in `failure`. */
  #login(): Promise<void> {
    if (!this.#flight && performance.now() < this.#notBeforeMs) return Promise.resolve()
    return (this.#flight ??= this.#loginOnce().finally(() => (this.#flight = undefined)))
  }

  async #loginOnce(): Promise<void> {
    const { login, logger, username, server } = this.#options
    const startedAtMs = performance.now()
    try {
      const { token, ttlMs } = await login()
      if (this.#alarmed) logger.info(`Login of ${username} to registry ${server()} works`)
      this.#alarmed = false
      this.#token = { value: token, renewAtMs: startedAtMs + ttlMs * RENEW_AT, endsAtMs: startedAtMs + ttlMs }
      this.#failure = undefined
      this.#failures = 0
    } catch (error) {
      if (!(error instanceof RequestFailure)) throw error
      if (error.kind === 'aborted') return
      this.#failure = error
      this.#failures += 1
      this.#failedAtMs = performance.now()
      this.#notBeforeMs = this.#failedAtMs + backOffMs(this.#failures, RETRY)
      // Not yet an alarm: only a request that is refused for want of a token shows that one is needed.
      logger.debug(`Login of ${username} to registry ${server()} failed: ${error.detail}`)
    }
  }
}
