import type { Writable } from './arounds.js'
import type { WorkLocals, WorkStart } from './work.js'

class Started {
  readonly kind: WorkStart['kind']
  readonly name: string
  readonly messageId: string | undefined
  readonly attempt: number
  readonly locals: WorkLocals = {}
  thrown = false

  constructor(
    private readonly start: WorkStart,
    private readonly own: AbortSignal | undefined,
  ) {
    const { kind, name, messageId, attempt = 1 } = start
    this.kind = kind
    this.name = name
    this.messageId = messageId
    this.attempt = attempt
  }

  /** Not read before it is asked for: that of an event is made then. */
  get signal(): AbortSignal {
    return this.own ?? this.start.signal
  }

  get failed(): boolean {
    return this.thrown
  }
}

/** Work that no request over HTTP began. @param own instead of that of the start: it aborts at a timeout, too */
export function startedWork(start: WorkStart, own?: AbortSignal): Exclude<Writable, { readonly kind: 'request' }> {
  return new Started(start, own) as Exclude<Writable, { readonly kind: 'request' }>
}
