import type { Logger } from '../../logger.js'
import type { ServerAddress } from '../../settings/server-address.js'
import { backOffMs } from '../../util/backoff.js'
import { pause } from '../../util/deadline.js'
import type { AddressSource } from '../address-source.js'
import { RequestFailure } from './failure.js'
import type { RequestLimiter } from '../request-limiter.js'

export interface ServerListOptions {
  readonly source: AddressSource
  readonly limiter: RequestLimiter
  readonly logger: Logger
  readonly onLost?: ((event: { servers: readonly string[]; error: unknown }) => void) | undefined
  readonly onFound?: ((event: { server: string }) => void) | undefined
  /** Where to start and how to jitter. @default Math.random */
  readonly random?: (() => number) | undefined
}

export interface RunOptions {
  /** May go to a second node after the first one may have acted on it. */
  readonly idempotent: boolean
  /** Goes first while requests are limited. */
  readonly priority: boolean
  /** How long to wait for a permit while the registry fails. */
  readonly waitMs: number
  readonly signal: AbortSignal
}

interface Node {
  readonly address: ServerAddress
  failures: number
  /** Not before other nodes until then. */
  retryAtMs: number
  /** Not at all until then: it asked for that (`retry-after`). */
  closedUntilMs: number
}

/** A registry may ask for a pause, but a lease does not wait for hours. */
const LONGEST_PAUSE_MS = 60_000

const RETRY = { firstMs: 1_000, lastMs: 30_000, spread: 0.5 }

/**
 * The nodes of a cluster. Requests stay with the node that answered last and go on to the next one when it fails; a
 * failed node comes last for a growing, jittered time. While every node fails, the limiter bounds what is sent at all.
 */
export class ServerList {
  #nodes: readonly Node[] = []
  readonly #options: ServerListOptions
  readonly #random: () => number
  #current: Node | undefined
  #state: 'new' | 'found' | 'lost' = 'new'
  #lastFailure: RequestFailure | undefined

  constructor(options: ServerListOptions) {
    this.#options = options
    this.#random = options.random ?? Math.random
    this.#take()
    options.source.onChange(() => this.#take())
  }

  /** `host:port` of the node in use. */
  get current(): string {
    return this.#current?.address.authority ?? this.#options.source.url ?? ''
  }

  /** `undefined` while no address is known. */
  get currentAddress(): ServerAddress | undefined {
    return this.#current?.address
  }

  get all(): readonly string[] {
    return this.#nodes.map((node) => node.address.authority)
  }

  /** True while the last request got an answer. */
  get connected(): boolean {
    return this.#state === 'found' && this.#current?.failures === 0
  }

  /** Tries the nodes in turn. @throws RequestFailure with the failure of each */
  async run<T>(attempt: (address: ServerAddress) => Promise<T>, options: RunOptions): Promise<T> {
    const tried: string[] = []
    let last: RequestFailure | undefined
    await this.#options.source.ready(options.signal).catch((error: unknown) => {
      throw error instanceof RequestFailure ? error : new RequestFailure('aborted', 'it was cancelled')
    })
    for (const node of this.#order()) {
      if (!(await this.#reopened(node, options))) {
        last ??= Object.assign(this.#notSent('it asked for a pause'), { tried })
        continue
      }
      await this.#allowance(options, tried)
      try {
        const result = await attempt(node.address)
        this.#answered(node)
        return result
      } catch (error) {
        if (!(error instanceof RequestFailure)) throw error
        if (error.kind === 'aborted') throw error
        if (!error.blamesNode) {
          this.#answered(node)
          throw error
        }
        tried.push(`${node.address.authority}: ${error.detail}`)
        this.#failed(node, error)
        last = Object.assign(error, { tried })
        if (error.maySent && !options.idempotent) throw last
      }
    }
    throw last!
  }

  /** The nodes as they are known now; those that stay keep what is known of them. */
  #take(): void {
    const known = new Map(this.#nodes.map((node) => [node.address.authority, node]))
    this.#nodes = this.#options.source.current.map(
      (address) => known.get(address.authority) ?? { address, failures: 0, retryAtMs: 0, closedUntilMs: 0 },
    )
    // A fleet that starts on the first node of the list would leave the others idle.
    if (!this.#current || !this.#nodes.includes(this.#current)) {
      this.#current = this.#nodes[Math.floor(this.#random() * this.#nodes.length)]
    }
  }

  /** The node in use, then the others in turn; those that failed lately come last, the oldest failure first. */
  #order(): Node[] {
    const start = this.#current ? this.#nodes.indexOf(this.#current) : 0
    const ring = [...this.#nodes.slice(start), ...this.#nodes.slice(0, start)]
    const now = performance.now()
    const usable = ring.filter((node) => node.retryAtMs <= now)
    const failed = ring.filter((node) => node.retryAtMs > now).sort((a, b) => a.retryAtMs - b.retryAtMs)
    return [...usable, ...failed]
  }

  /**
   * False where the node has asked for a pause that lasts longer than the request can wait, or another may be asked.
   */
  async #reopened(node: Node, { waitMs, signal }: RunOptions): Promise<boolean> {
    const now = performance.now()
    const pauseMs = node.closedUntilMs - now
    if (pauseMs <= 0) return true
    if (pauseMs > waitMs || this.#nodes.some((other) => other.closedUntilMs <= now)) return false
    if (!(await pause(pauseMs, signal))) throw new RequestFailure('aborted', 'it was cancelled')
    return true
  }

  #notSent(why: string): RequestFailure {
    const { kind, detail, code, advice } = this.#lastFailure!
    return Object.assign(new RequestFailure(kind, `not sent, for ${why}: ${detail}`, code), { advice })
  }

  async #allowance({ priority, waitMs, signal }: RunOptions, tried: readonly string[]): Promise<void> {
    while (this.#state === 'lost') {
      const how = await this.#options.limiter.acquire(priority, waitMs, signal).catch(() => 'aborted' as const)
      if (how === 'granted') return
      if (how === 'released') continue
      if (how === 'aborted') throw new RequestFailure('aborted', 'it was cancelled')
      throw Object.assign(this.#notSent('the registry has been failing'), { tried })
    }
  }

  #answered(node: Node): void {
    const { logger, limiter, onFound } = this.#options
    const server = node.address.authority
    if (this.#state === 'found' && node !== this.#current) logger.info(`Using registry node ${server}`)
    node.failures = 0
    node.retryAtMs = 0
    node.closedUntilMs = 0
    this.#current = node
    if (this.#state === 'found') return
    if (this.#state === 'lost') logger.info(`Registry ${server} answers again`)
    this.#state = 'found'
    limiter.releaseAll()
    onFound?.({ server })
  }

  #failed(node: Node, failure: RequestFailure): void {
    const { logger, onLost } = this.#options
    node.failures += 1
    node.retryAtMs = performance.now() + backOffMs(node.failures, { ...RETRY, random: this.#random })
    if (failure.retryAfterMs !== undefined) {
      node.closedUntilMs = performance.now() + Math.min(LONGEST_PAUSE_MS, failure.retryAfterMs)
      node.retryAtMs = Math.max(node.retryAtMs, node.closedUntilMs)
    }
    this.#lastFailure = failure
    if (node.failures === 1) logger.warn(`Registry node ${node.address.authority} fails: ${failure.detail}`)
    if (this.#state === 'lost' || this.#nodes.some((other) => other.failures === 0)) return
    this.#state = 'lost'
    if (this.#nodes.length > 1) logger.warn(`No registry node answers (${this.all.join(', ')})`)
    onLost?.({ servers: this.all, error: failure })
  }
}
