import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { processSlot } from '../process-state.js'
import type { Unsubscribe } from '../types.js'

/** They end a process, whatever else listens to them. */
const ENDING = ['SIGTERM', 'SIGINT'] as const
/** They end a process where nothing of the app listens; some apps read their configuration anew on SIGHUP. */
const ENDING_ALONE = ['SIGHUP', 'SIGQUIT', 'SIGBREAK'] as const
export type ShutdownSignal = (typeof ENDING | typeof ENDING_ALONE)[number]

/** Windows has no SIGQUIT, and only Windows has SIGBREAK. */
const SIGNALS = [...ENDING, ...ENDING_ALONE].filter((signal) => signal in constants.signals)

/** npm, `timeout` and init programs forward a signal that the whole process group has received already. */
const ECHO_MS = 100

export interface SignalHandler {
  /** How long a process may stay after its shutdown. @default 500 */
  readonly forceExitAfterMs?: number
  /** Shuts down; its synchronous part runs before any handler of the app. */
  shutDown(signal: ShutdownSignal): Promise<void>
  /**
   * A second signal ends the process now: without a deregistration on exit, and after what is returned here, if that is
   * anything. A third one waits for nothing.
   */
  onSecondSignal?(): Promise<void> | undefined
}

export interface Signals {
  readonly handlers: Set<SignalHandler>
  /** One for all sidecars of the process, whichever copy of the package installed it. */
  listener?: (signal: NodeJS.Signals) => void
  handling?: { readonly signal: NodeJS.Signals; readonly since: number }
  /** The process ends as soon as the sidecars let it. */
  ending?: boolean
}

const shared = () => processSlot('signals', () => ({ handlers: new Set() }))

/**
 * Shuts down on SIGTERM and SIGINT, ahead of the app's own handlers, and on SIGHUP and SIGQUIT where it has none; ends
 * the process as the signal would have. SIGUSR2 is left to the app, and to nodemon.
 */
export function shutDownOnSignals(handler: SignalHandler): Unsubscribe {
  const state = shared()
  state.handlers.add(handler)
  if (!state.listener) listen(state)
  return () => {
    // While a signal is being handled the listener stays: a second signal would trigger the default action.
    if (state.handlers.delete(handler) && state.handlers.size === 0 && !state.handling) unlisten(state)
  }
}

function listen(state: Signals): void {
  const listener = (signal: NodeJS.Signals) => handleSignal(state, signal)
  state.listener = listener
  for (const signal of SIGNALS) process.prependListener(signal, listener)
}

function unlisten(state: Signals): void {
  for (const signal of SIGNALS) if (state.listener) process.off(signal, state.listener)
  state.listener = undefined
}

function handleSignal(state: Signals, signal: NodeJS.Signals): void {
  const handlers = [...state.handlers]
  if (!endsProcess(signal)) return
  if (state.handling) {
    const { handling } = state
    // Outside of a terminal, two SIGINTs are always two signals, not an echo.
    const echoes = signal === handling.signal && (signal === 'SIGTERM' || isatty(0))
    if (echoes && performance.now() - handling.since < ECHO_MS) return
    return end(state, handlers, exitCodeOf(signal))
  }
  state.handling = { signal, since: performance.now() }
  // Now, not later: a handler added with `once` is gone after this round.
  const alone = isAlone(signal)
  const forceExitAfterMs = Math.max(...handlers.map((handler) => handler.forceExitAfterMs ?? 500))
  const shutDowns = handlers.map((handler) => handler.shutDown(signal as ShutdownSignal))
  // The time for this does not count: an echo that arrived meanwhile is delivered only now.
  state.handling = { signal, since: performance.now() }
  void Promise.allSettled(shutDowns).then(() => {
    // A second signal ends it.
    if (state.ending) return
    // Still here after that: the app's handler does not exit, or this is PID 1, which default actions spare.
    const force = setTimeout(() => process.exit(exitCodeOf(signal)), forceExitAfterMs)
    if (!alone) return void force.unref()
    unlisten(state)
    process.kill(process.pid, signal)
  })
}

function end(state: Signals, handlers: readonly SignalHandler[], exitCode: number): void {
  const waits = state.ending ? [] : handlers.flatMap((handler) => handler.onSecondSignal?.() ?? [])
  if (waits.length === 0) process.exit(exitCode)
  state.ending = true
  void Promise.allSettled(waits).then(() => process.exit(exitCode))
}

function endsProcess(signal: NodeJS.Signals): boolean {
  return (ENDING as readonly string[]).includes(signal) || isAlone(signal)
}

/**
 * Nothing of the app listens. npm `signal-exit`, which many tools bring along, passes on a signal that it is alone
 * with.
 */
function isAlone(signal: NodeJS.Signals): boolean {
  const holder = process as unknown as Record<string | symbol, { count?: number } | undefined>
  const passers = ['__signal_exit_emitter__', Symbol.for('signal-exit emitter')]
  const passing = passers.reduce((sum, key) => sum + (holder[key]?.count ?? 0), 0)
  return process.listenerCount(signal) - passing <= 1
}

function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}
