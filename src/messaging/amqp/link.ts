import type { ChannelModel } from 'amqplib'
import { backOffMs } from '../../util/backoff.js'
import { pause } from '../../util/deadline.js'
import { unlessAborted } from '../../util/unless-aborted.js'
import type { AmqpSettings } from '../amqp-settings.js'
import { closeModel, openModel, type OpenModel } from './open-model.js'

/** What uses a link: it opens channels of its own on the connection, and does not close the connection. */
export interface AmqpLinkUser {
  /** Now, if the connection stands, and each time that there is another one. A rejection is logged. */
  onConnected(model: ChannelModel): void | Promise<void>
  /** The connection broke, or another one takes its place at once: then what is on its channels may still be ended for 30 s. */
  onLost?(error: Error): void
  /** Instead of `onLost` where another connection takes its place. Settles when this user needs the old one no more. */
  onReplaced?(): Promise<void>
  /** The broker is low on memory or disk, and reads nothing more from this connection; `undefined` when it goes on. */
  onBlocked?(reason: string | undefined): void
}

export interface LinkParts {
  /** How the broker's own pages call it. */
  readonly name: string
  read(): AmqpSettings
  /** Its state has changed. */
  onChange(): void
  onUserError(error: unknown): void
}

const BACK_OFF = { firstMs: 200, lastMs: 5_000, spread: 0.5 }
/** What is in hand on a connection that was replaced has so long. */
const REPLACED_MS = 30_000

/** One connection to the broker that is wanted as long as the link is open. */
export class AmqpLink {
  /** Why the last attempt, or the last connection, failed; `undefined` while it stands. */
  lastError: Error | undefined
  blocked: string | undefined
  private current: OpenModel | undefined
  private key = ''
  private readonly users = new Set<AmqpLinkUser>()
  private readonly waiting = new Set<(model: ChannelModel) => void>()
  private readonly retiring = new Set<Promise<void>>()
  private readonly closed = new AbortController()
  private nap = new AbortController()
  private running: Promise<void> | undefined
  private at = 0

  constructor(private readonly parts: LinkParts) {}

  /** Whether it was ever asked for. */
  get isUsed(): boolean {
    return this.running !== undefined
  }

  get model(): ChannelModel | undefined {
    return this.current?.model
  }

  /** Without user and password. */
  get url(): string | undefined {
    return this.current?.url
  }

  /** Connects, and stays so until it is closed. */
  begin(): void {
    this.running ??= this.run()
  }

  attach(user: AmqpLinkUser): () => void {
    this.begin()
    this.users.add(user)
    if (this.current) this.tell(user, this.current.model)
    return () => void this.users.delete(user)
  }

  /** The connection, when it stands. Rejects with the reason of the signal. */
  async connected(signal: AbortSignal): Promise<ChannelModel> {
    this.begin()
    if (this.current) return this.current.model
    let found = (_: ChannelModel) => {}
    const standing = new Promise<ChannelModel>((resolve) => (found = resolve))
    this.waiting.add(found)
    return unlessAborted(standing, signal).finally(() => this.waiting.delete(found))
  }

  /** The settings may have changed: they are tried at once. */
  poke(): void {
    this.nap.abort()
  }

  async close(): Promise<void> {
    this.closed.abort(new Error('closed'))
    this.poke()
    await this.running
    const { current } = this
    this.current = undefined
    if (current) await closeModel(current.model)
    await Promise.all(this.retiring)
  }

  private async run(): Promise<void> {
    let failures = 0
    while (!this.closed.signal.aborted) {
      this.nap = new AbortController()
      const nap = this.nap.signal
      try {
        const settings = this.parts.read()
        const key = JSON.stringify(settings)
        if (this.current === undefined || key !== this.key) {
          this.adopt(await openModel(settings, this.parts.name, this.at, this.closed.signal), key)
        }
        failures = 0
        if (this.current !== undefined && this.lastError !== undefined) {
          // The settings are those of the old connection again.
          this.lastError = undefined
          this.parts.onChange()
        }
        await pauseForGood(nap)
        // A broker that restarts is asked by all of its clients.
        if (this.current === undefined) await pause(backOffMs(1, BACK_OFF), this.closed.signal)
      } catch (error) {
        if (this.closed.signal.aborted) return
        failures++
        this.lastError = error as Error
        this.parts.onChange()
        await pause(backOffMs(failures, BACK_OFF), nap)
      }
    }
  }

  private adopt(opened: OpenModel, key: string): void {
    const { model } = opened
    const old = this.current
    this.current = opened
    this.key = key
    this.at = opened.at
    this.lastError = this.blocked = undefined
    let cause: Error | undefined
    model.on('error', (error) => (cause = error))
    model.on('close', (error) => this.lose(opened, cause ?? error ?? new Error('closed by the broker')))
    model.on('blocked', (reason) => this.block(opened, reason))
    model.on('unblocked', () => this.block(opened, undefined))
    if (old) this.retire(old)
    for (const user of this.users) this.tell(user, model)
    for (const found of this.waiting) found(model)
    this.parts.onChange()
  }

  private tell(user: AmqpLinkUser, model: ChannelModel): void {
    const failed = (error: unknown) => {
      // One that failed because the connection broke is told of the next one.
      if (this.current?.model === model) this.parts.onUserError(error)
    }
    try {
      Promise.resolve(user.onConnected(model)).catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  private lose(opened: OpenModel, error: Error): void {
    if (this.current !== opened) return
    this.current = undefined
    this.blocked = undefined
    this.lastError = error
    for (const user of this.users) user.onLost?.(error)
    this.parts.onChange()
    this.poke()
  }

  private block(opened: OpenModel, reason: string | undefined): void {
    if (this.current !== opened) return
    this.blocked = reason
    for (const user of this.users) user.onBlocked?.(reason)
    this.parts.onChange()
  }

  /** Other settings have a connection now: the old one goes when nothing on it is in hand. */
  private retire({ model }: OpenModel): void {
    const error = new Error('replaced by a connection of the present settings')
    const ends = [...this.users].map((user) => {
      if (user.onReplaced) return user.onReplaced()
      user.onLost?.(error)
      return pause(REPLACED_MS, this.closed.signal)
    })
    const late = pause(REPLACED_MS, this.closed.signal)
    const retired = Promise.race([Promise.allSettled(ends), late])
      .then(() => closeModel(model))
      .finally(() => this.retiring.delete(retired))
    this.retiring.add(retired)
  }
}

function pauseForGood(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
