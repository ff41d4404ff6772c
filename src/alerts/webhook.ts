import { reasonOf } from '../errors.js'
import type { Logger } from '../logger.js'
import { untraced } from '../tracing/untraced.js'
import { backOffMs } from '../util/backoff.js'
import { pause, withDeadline } from '../util/deadline.js'
import { createRedactor, type Redactor } from '../util/redactor.js'
import { refusalIn, type AlertRequest, type AlertTarget } from './formats.js'

/** Further ones push the oldest out: what has just happened matters more. */
const MAX_WAITING = 100
const RETRY = { firstMs: 1_000, lastMs: 60_000, spread: 0.5 }
const MAX_ANSWER_CHARS = 4_096
/** So often a message is sent that is answered and refused, about five minutes: a chat takes no more than so many a minute. */
const MAX_REFUSALS = 10

/**
 * Sends one message after the other. What fails is tried again after a pause of its own, as nothing else may come; the
 * queue of `observe/reporting.ts` waits for its next period instead, and counts what it drops.
 */
export class Webhook {
  private readonly waiting: (() => AlertRequest)[] = []
  private readonly closing = new AbortController()
  private readonly redact: Redactor
  private readonly host: string
  private sending: Promise<void> | undefined

  constructor(
    target: AlertTarget,
    private readonly timeoutMs: number,
    private readonly logger: Logger,
    private readonly retry: typeof RETRY = RETRY,
  ) {
    const { host, pathname, search, username, password } = new URL(target.webhook)
    // The address of a chat's webhook is its password.
    this.host = host
    this.redact = createRedactor([target.webhook, pathname, search, username, password, target.secret])
  }

  /** @param request is made when its turn comes: a signature has a time. */
  send(request: () => AlertRequest): void {
    if (this.closing.signal.aborted) return
    if (this.waiting.push(request) > MAX_WAITING) this.waiting.shift()
    this.sending ??= this.sendAll()
  }

  /** Sends what waits, within the time; then nothing is sent any more. */
  async close(withinMs: number): Promise<void> {
    const timer = setTimeout(() => this.closing.abort(), withinMs)
    await this.sending
    clearTimeout(timer)
    this.closing.abort()
  }

  private async sendAll(): Promise<void> {
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) await this.deliver(next)
    this.sending = undefined
  }

  /**
   * Until it is taken: the outage that an alert reports may cut off the webhook too. One that the webhook reads and refuses must
   * not keep all others from it.
   */
  private async deliver(request: () => AlertRequest): Promise<void> {
    const { signal } = this.closing
    let refusals = 0
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        await withDeadline(this.timeoutMs, [signal], (deadline) => post(request(), deadline))
        if (failures > 1) this.logger.info(`the webhook ${this.host} takes alerts again`)
        return
      } catch (error) {
        if (failures === 1 && !signal.aborted) this.warn(error)
        if (error instanceof Refusal && ++refusals === MAX_REFUSALS)
          return this.logger.warn(
            `the webhook ${this.host} has refused an alert ${MAX_REFUSALS} times, which is dropped: ${this.redact(error.message)}`,
          )
        await pause(backOffMs(failures, this.retry), signal)
      }
    }
  }

  private warn(error: unknown): void {
    this.logger.warn(
      `the webhook ${this.host} does not take alerts: ${this.redact(reasonOf(error))}. It is tried again; the last ${MAX_WAITING} alerts wait (sidecar.alerts.webhook)`,
    )
  }
}

/** It has answered, and does not take the message: the next try may end the same way. */
class Refusal extends Error {}

/** Statuses that say nothing of the message. */
const NOT_OF_MESSAGE: ReadonlySet<number> = new Set([408, 425, 429])

async function post({ url, body, authorization }: AlertRequest, signal: AbortSignal): Promise<void> {
  const headers = { 'content-type': 'application/json; charset=utf-8', ...(authorization && { authorization }) }
  const response = await untraced(() => fetch(url, { method: 'POST', headers, body, signal, redirect: 'error' }))
  const answer = await beginningOf(response)
  if (!response.ok) {
    const ofMessage = response.status < 500 && !NOT_OF_MESSAGE.has(response.status)
    throw new (ofMessage ? Refusal : Error)(`it answered ${response.status}`)
  }
  const refusal = refusalIn(answer)
  if (refusal) throw new Refusal(`it answered ${response.status}, but ${refusal}`)
}

async function beginningOf({ body }: Response): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > MAX_ANSWER_CHARS) break
  }
  return text
}
