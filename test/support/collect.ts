import type { Logger, SidecarEvents } from 'nacos-sidecar'
import type { Emit } from '../../src/events.js'
import { Recorder, type RecorderRules } from '../../src/observe/recorder.js'

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

/** A recorder of figures, with limits that no test reaches but by `rules`. */
export function collectFigures(rules: Partial<RecorderRules> = {}): Recorder {
  return new Recorder({
    enabled: true,
    maxNames: 100,
    maxSamples: 1,
    maxErrors: 10,
    maxTagLength: 100,
    excludes: [],
    expected: [],
    ...rules,
  })
}
