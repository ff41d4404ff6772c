import { SidecarError } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { GrpcLink } from '../grpc/link.js'

/**
 * How changes arrive: `push` while the link stands, `pull` while it does not, `pause` in between. A lost link is mostly
 * back within a second: until then polling everything is not worth it.
 */
export type UpdateMode = 'push' | 'pause' | 'pull'

export interface UpdateModeSwitch {
  readonly mode: UpdateMode
  /** A first watch exists: updates are needed from now on. */
  activate(): void
  /** The registry answers over HTTP, for the first time or again: connects the link. */
  onHttpAnswer(): void
  /** The link, if it has been opened. */
  readonly link: GrpcLink | undefined
  /** The link, opened at once where a request needs it. @throws SidecarError `SIDECAR_STOPPED` after `close` */
  open(): GrpcLink
  /** For `describe()`: the source of updates and why; `undefined` until something is watched. */
  reason(): string | undefined
  close(): Promise<void>
}

export interface UpdateModeSwitchOptions {
  /** Makes the link; loads nothing before it connects. */
  readonly openLink: () => GrpcLink
  /** `link` is there in mode `push`. Not called for the mode at the start, which is `pause`. */
  readonly onMode: (mode: UpdateMode, link: GrpcLink | undefined) => void
  /** The link was lost and stands again. */
  readonly onRestored: () => void
  /** What `pull` amounts to: `http long poll`. */
  readonly pullName: () => string
  readonly logger: Logger
}

/** The least and longest wait for a lost link. */
const GRACE_PERIOD_MS = [700, 1_300] as const

/** HTTP goes first: what a start needs must not wait for gRPC to be loaded. */
const OPEN_AFTER_MS = 100

/** Without an answer, which a long poll may have to wait for. */
const OPEN_ANYWAY_AFTER_MS = 1_000

export function createUpdateModeSwitch(options: UpdateModeSwitchOptions): UpdateModeSwitch {
  const { logger } = options
  let mode: UpdateMode = 'pause'
  let link: GrpcLink | undefined
  let active = false
  let closed = false
  let httpAnswered = false
  let wasUp = false
  let loggedMode: UpdateMode | undefined
  let graceTimer: NodeJS.Timeout | undefined
  let opening: NodeJS.Timeout | undefined

  const setMode = (next: UpdateMode): void => {
    clearTimeout(graceTimer)
    if (closed || next === mode) return
    mode = next
    if (next !== 'pause' && active) logMode()
    options.onMode(next, next === 'push' ? link : undefined)
  }

  /** One line for each change of the mode, however often the link comes and goes in between. */
  const logMode = (): void => {
    if (mode === loggedMode) return
    const message = `Changes arrive by ${reason()}`
    if (loggedMode === 'push') logger.warn(message)
    else logger.info(message)
    loggedMode = mode
  }

  const startGracePeriod = (): void => {
    const [least, most] = GRACE_PERIOD_MS
    clearTimeout(graceTimer)
    graceTimer = setTimeout(() => setMode('pull'), least + Math.random() * (most - least))
    graceTimer.unref()
  }

  const open = (): GrpcLink => {
    clearTimeout(opening)
    if (link) return link
    if (closed) throw new SidecarError('SIDECAR_STOPPED', 'the connection to the registry has been closed')
    link = options.openLink()
    link.onUp(() => {
      setMode('push')
      if (wasUp) options.onRestored()
      wasUp = true
    })
    link.onDown(() => {
      if (!wasUp) return setMode('pull')
      setMode('pause')
      startGracePeriod()
    })
    return link
  }

  const openSoon = (): void => {
    if (link || closed) return
    clearTimeout(opening)
    opening = setTimeout(open, httpAnswered ? OPEN_AFTER_MS : OPEN_ANYWAY_AFTER_MS)
    opening.unref()
  }

  const reason = (): string | undefined => {
    if (!active) return undefined
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
    activate() {
      if (active || closed) return
      active = true
      openSoon()
      if (mode === 'pause') startGracePeriod()
      else logMode()
    },
    onHttpAnswer() {
      httpAnswered = true
      if (link) link.retryNow()
      else if (active) openSoon()
    },
    open,
    reason,
    async close() {
      closed = true
      clearTimeout(graceTimer)
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
