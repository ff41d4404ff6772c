import type { ChannelModel, ConfirmChannel } from 'amqplib'
import { messageOf, SidecarError } from '../errors.js'
import type { Logger } from '../logger.js'
import type { AmqpLink } from '../messaging/amqp/link.js'
import { pause } from '../util/deadline.js'
import { mask } from '../util/secrets.js'

export interface LiveChannelOptions {
  /** For messages: `replies of Nameko services`. */
  readonly name: string
  readonly link: AmqpLink
  readonly logger: Logger
  /** Declares what is needed, and consumes; before anything is sent. */
  readonly setUp: (channel: ConfirmChannel, connection: ChannelModel) => Promise<void>
  /** What was sent and not confirmed may be lost. What was delivered may be accepted for a while, if the channel is open. */
  readonly onLost?: (error: Error, channel: ConfirmChannel) => void
  /** Another connection takes the place of a good one. Settles when the old channel may be closed. */
  readonly onReplaced?: (channel: ConfirmChannel) => Promise<void>
}

/** After a set-up that failed on a connection that stands. */
const AGAIN_MS = 1_000

interface Waiter {
  resolve(channel: ConfirmChannel): void
  reject(error: Error): void
}

/** A channel of the sidecar's connection, opened and set up anew whenever one of the two was lost. */
export class LiveChannel {
  private readonly closing = new AbortController()
  private readonly detach: () => void
  private connection: ChannelModel | undefined
  private channel: ConfirmChannel | undefined
  private stopped: SidecarError | undefined
  private readonly waiting = new Set<Waiter>()

  constructor(private readonly options: LiveChannelOptions) {
    this.detach = options.link.attach({
      onConnected: (connection) => this.connected(connection),
      onLost: (error) => {
        this.connection = undefined
        this.lost(error)
      },
      onReplaced: () => this.replaced(),
    })
  }

  /** The one that is open, if any. */
  get current(): ConfirmChannel | undefined {
    return this.channel
  }

  /** Waits for it. @throws the reason of the signal; SidecarError `SIDECAR_STOPPED` once it is closed */
  open(signal: AbortSignal): Promise<ConfirmChannel> {
    if (this.channel) return Promise.resolve(this.channel)
    return new Promise((resolve, reject) => {
      const end = <T>(settle: (value: T) => void) => {
        return (value: T) => {
          this.waiting.delete(waiter)
          signal.removeEventListener('abort', aborted)
          settle(value)
        }
      }
      const waiter = { resolve: end(resolve), reject: end(reject) }
      const aborted = () => waiter.reject(signal.reason as Error)
      if (signal.aborted) return aborted()
      if (this.stopped) return waiter.reject(this.stopped)
      signal.addEventListener('abort', aborted, { once: true })
      this.waiting.add(waiter)
    })
  }

  async close(): Promise<void> {
    this.detach()
    const { channel } = this
    this.stopped = new SidecarError('SIDECAR_STOPPED', `${this.options.name}: the sidecar has stopped`)
    this.closing.abort()
    this.lost(this.stopped)
    for (const waiter of [...this.waiting]) waiter.reject(this.stopped)
    await channel?.close().catch(() => {})
  }

  private async connected(connection: ChannelModel): Promise<void> {
    this.connection = connection
    const stands = () => this.connection === connection && !this.stopped
    while (stands()) {
      try {
        return await this.begin(connection, stands)
      } catch (error) {
        // A connection that was lost meanwhile is no news.
        if (!stands()) return
        this.options.logger.warn(`${this.options.name}: ${mask(messageOf(error))}; tried again in ${AGAIN_MS / 1000} s`)
        await pause(AGAIN_MS, this.closing.signal)
      }
    }
  }

  private async begin(connection: ChannelModel, stands: () => boolean): Promise<void> {
    const channel = await connection.createConfirmChannel()
    let broken: Error | undefined
    channel.on('error', (error) => (broken = error))
    channel.on('close', () => {
      if (this.channel !== channel) return
      this.lost(broken ?? new Error('the channel was closed'))
      void this.connected(connection)
    })
    try {
      await this.options.setUp(channel, connection)
    } catch (error) {
      await channel.close().catch(() => {})
      throw broken ?? error
    }
    if (!stands()) return void channel.close().catch(() => {})
    this.channel = channel
    for (const waiter of [...this.waiting]) waiter.resolve(channel)
  }

  /** What was sent on the old one is confirmed there. */
  private async replaced(): Promise<void> {
    const { channel } = this
    this.connection = this.channel = undefined
    if (channel === undefined) return
    await this.options.onReplaced?.(channel)
    await channel.waitForConfirms().catch(() => {})
    await channel.close().catch(() => {})
  }

  private lost(error: Error): void {
    const { channel } = this
    this.channel = undefined
    if (channel) this.options.onLost?.(error, channel)
  }
}
