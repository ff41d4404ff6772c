import { SidecarError } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { ServerAddress } from '../../settings/server-address.js'
import type { Unsubscribe } from '../../types.js'
import { Listeners } from '../../util/listeners.js'
import type { Session } from './session.js'

export interface LinkState {
  /** `connecting` only until the first attempt has ended. */
  readonly status: 'connecting' | 'up' | 'down'
  /** The configured address in use, `host:port`; the last one tried where none is. */
  readonly server: string
  /** Its gRPC side, `host:port`. */
  readonly endpoint: string
  /** Why it is down; '' otherwise. */
  readonly reason: string
}

export type LinkListener = (state: LinkState) => void

/** The present session, the listeners of its changes, and the requests that wait for one. */
export interface SessionHolder {
  readonly state: LinkState
  readonly session: Session | undefined
  /** Which server is being tried, and where its gRPC side is. */
  setTarget(server: string, endpoint: string): void
  up(session: Session): void
  down(reason: string): void
  /** Called at each change to up, and at once if it is up. */
  onUp(listener: LinkListener): Unsubscribe
  /** Called at each change to down. */
  onDown(listener: LinkListener): Unsubscribe
  /** The session, waited for: as long as the first attempt takes, and a moment more where the connection was lost. */
  waitForSession(signal: AbortSignal): Promise<Session>
  /** The error for a request while there is no session. */
  unavailableError(): SidecarError
  /** Down for good; listeners are not called. */
  close(): void
}

/** How long a request waits for a connection that was lost: a reconnect to a live server is quicker. */
const DOWN_WAIT_MS = 1_500

export function createSessionHolder(
  addresses: () => readonly ServerAddress[],
  firstWaitMs: number,
  logger: Logger,
): SessionHolder {
  const changes = new Listeners<LinkState>({ name: 'the gRPC link', logger })
  let state: LinkState = { status: 'connecting', server: addresses()[0]?.authority ?? '', endpoint: '', reason: '' }
  let session: Session | undefined

  const change = (next: LinkState): void => {
    const changed = next.status !== state.status
    state = next
    if (changed) changes.emit(state)
  }

  const on = (status: LinkState['status'], listener: LinkListener) =>
    changes.add((now) => (now.status === status ? listener(now) : undefined))

  const unavailableError = () => {
    const list = addresses()
      .map((address) => address.authority)
      .join(', ')
    const why = state.reason || 'still connecting'
    return new SidecarError('SIDECAR_REGISTRY_UNAVAILABLE', `no gRPC connection to Nacos ${list}: ${why}`)
  }

  const wait = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      let timer: NodeJS.Timeout | undefined
      // Not unref'd: a request waits for it.
      const arm = (ms: number) => {
        clearTimeout(timer)
        timer = setTimeout(done, ms)
      }
      const end = changes.add(({ status }) => (status === 'up' ? done() : arm(DOWN_WAIT_MS)))
      const done = () => {
        clearTimeout(timer)
        end()
        signal.removeEventListener('abort', done)
        resolve()
      }
      signal.addEventListener('abort', done, { once: true })
      arm(state.status === 'connecting' ? firstWaitMs : DOWN_WAIT_MS)
    })

  return {
    get state() {
      return state
    },
    get session() {
      return session
    },
    setTarget(server, endpoint) {
      if (!session) state = { ...state, server, endpoint }
    },
    up(next) {
      session = next
      const endpoint = next.connection.address.authority
      change({ status: 'up', server: next.server, endpoint, reason: '' })
    },
    down(reason) {
      session = undefined
      change({ ...state, status: 'down', reason })
    },
    onUp(listener) {
      const end = on('up', listener)
      if (state.status === 'up') changes.call(listener, state)
      return end
    },
    onDown: (listener) => on('down', listener),
    async waitForSession(signal) {
      if (!session) await wait(signal)
      signal.throwIfAborted()
      if (!session) throw unavailableError()
      return session
    },
    unavailableError,
    close() {
      session = undefined
      state = { ...state, status: 'down', reason: 'closed' }
      changes.clear()
    },
  }
}
