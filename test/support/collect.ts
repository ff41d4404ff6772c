import type { Logger, SidecarEvents } from 'nacos-sidecar'
import type { Emit } from '../../src/events.js'

/** A logger that keeps its lines as `level message`. */
export function collectLog(): Logger & { readonly lines: string[] } {
  const lines: string[] = []
  const at = (level: string) => (message: string) => void lines.push(`${level} ${message}`)
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

type Seen = { [K in keyof SidecarEvents]: { event: K; payload: SidecarEvents[K][0] } }[keyof SidecarEvents]

/** An `emit` that keeps what it was given. */
export function collectEvents(): { readonly emit: Emit; readonly seen: Seen[]; names(): string[] } {
  const seen: Seen[] = []
  return {
    emit: (event, ...args) => void seen.push({ event, payload: args[0] } as Seen),
    seen,
    names: () => seen.map((one) => one.event),
  }
}
