import { SidecarError } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { GrpcLink } from '../grpc/link.js'

/**
 * How changes arrive: `push` while the link stands, `pull` while it does not, `pause` in between. A lost link is mostly
 * back in a second: until then nobody need ask for everything.
 */
export type Mode = 'push' | 'pause' | 'pull'

export interface PushSwitch {
  readonly mode: Mode
  /** Somebody watches something: from now on it matters. */
  want(): void
  /** The registry answers over HTTP, for the first time or again: time to try the link. */
  answered(): void
  /** The link, if it has been opened. */
  readonly link: GrpcLink | undefined
  /** The link, opened at once where a request needs it. @throws SidecarError `SIDECAR_STOPPED` after `close` */
  open(): GrpcLink
  /** For `describe()`: the way in use and why; `undefined` until something is watched. */
  reason(): string | undefined
  close(): Promise<void>
}

export interface PushSwitchOptions {
  /** Makes the link; loads nothing before it connects. */
  readonly openLink: () => GrpcLink
  /** `link` is there in mode `push`. Not called for the mode at the start, which is `pause`. */
  readonly onMode: (mode: Mode, link: GrpcLink | undefined) => void
  /** The link was lost and stands again. */
  readonly onRestored: () => void
  /** What `pull` amounts to: `http long poll`. */
  readonly pullName: () => string
  readonly logger: Logger
}

/** The least and most that a lost link is waited for. */
const PATIENCE_MS = [700, 1_300] as const

/** HTTP goes first: what a start needs must not wait for gRPC to be loaded. */
const OPEN_AFTER_MS = 100

/** Without an answer, which a long poll may have to wait for. */
const OPEN_ANYWAY_AFTER_MS = 1_000

export function createPushSwitch(options: PushSwitchOptions): PushSwitch {
  const { logger } = options
  let mode: Mode = 'pause'
  let link: GrpcLink | undefined
  let wanted = false
  let closed = false
  let hasAnswered = false
  let wasUp = false
  let lastSaid: Mode | undefined
  let patience: NodeJS.Timeout | undefined
  let opening: NodeJS.Timeout | undefined

  const enter = (next: Mode): void => {
    clearTimeout(patience)
    if (closed || next === mode) return
    mode = next
    if (next !== 'pause' && wanted) say()
    options.onMode(next, next === 'push' ? link : undefined)
  }

  /** One line a change of ways, however often the link comes and goes in between. */
  const say = (): void => {
    if (mode === lastSaid) return
    const message = `Changes arrive by ${reason()}`
    if (lastSaid === 'push') logger.warn(message)
    else logger.info(message)
    lastSaid = mode
  }

  const bePatient = (): void => {
    const [least, most] = PATIENCE_MS
    clearTimeout(patience)
    patience = setTimeout(() => enter('pull'), least + Math.random() * (most - least))
    patience.unref()
  }

  const open = (): GrpcLink => {
    clearTimeout(opening)
    if (link) return link
    if (closed) throw new SidecarError('SIDECAR_STOPPED', 'the connection to the registry has been closed')
    link = options.openLink()
    link.onUp(() => {
      enter('push')
      if (wasUp) options.onRestored()
      wasUp = true
    })
    link.onDown(() => {
      if (!wasUp) return enter('pull')
      enter('pause')
      bePatient()
    })
    return link
  }

  const openSoon = (): void => {
    if (link || closed) return
    clearTimeout(opening)
    opening = setTimeout(open, hasAnswered ? OPEN_AFTER_MS : OPEN_ANYWAY_AFTER_MS)
    opening.unref()
  }

  const reason = (): string | undefined => {
    if (!wanted) return undefined
    const state = link?.state()
    if (mode === 'push') return `grpc push from ${state!.endpoint}`
    const why = state ? shortReason(state.reason, state.endpoint) : 'the registry has not answered yet'
    return `${options.pullName()}: ${why}`
  }

  return {
    get mode() {
      return mode
    },
    get link() {
      return link
    },
    want() {
      if (wanted || closed) return
      wanted = true
      openSoon()
      if (mode === 'pause') bePatient()
      else say()
    },
    answered() {
      hasAnswered = true
      if (link) link.nudge()
      else if (wanted) openSoon()
    },
    open,
    reason,
    async close() {
      closed = true
      clearTimeout(patience)
      clearTimeout(opening)
      await link?.close()
    },
  }
}

function shortReason(reason: string, endpoint: string): string {
  const port = endpoint.slice(endpoint.lastIndexOf(':') + 1)
  if (reason === '') return endpoint === '' ? 'gRPC is about to be tried' : `port ${port} is being tried`
  if (reason.includes('ECONNREFUSED')) return `port ${port} refused the connection`
  if (/no answer within/.test(reason)) return `port ${port} does not answer`
  return reason
}
