import type { SidecarError } from '../errors.js'
import type { NamekoRemoteError } from './errors.js'
import { decodeReply, type ReceivedBody } from './payload.js'

/** A call that has been sent. */
export interface PendingCall {
  /** `{service}.{method}` */
  readonly where: string
  /** The broker has taken the request into its care. */
  confirmed: boolean
  readonly resolve: (result: unknown) => void
  readonly reject: (error: SidecarError | NamekoRemoteError) => void
}

/** The calls whose replies are awaited, by correlation id. */
export class PendingCalls {
  private readonly calls = new Map<string, PendingCall>()

  get size(): number {
    return this.calls.size
  }

  add(id: string, call: PendingCall): void {
    this.calls.set(id, call)
  }

  forget(id: string): void {
    this.calls.delete(id)
  }

  confirm(id: string): void {
    const call = this.calls.get(id)
    if (call) call.confirmed = true
  }

  /** The reply to a call that is no longer awaited is dropped. */
  settle(id: unknown, body: ReceivedBody): void {
    const call = this.take(id)
    if (call === undefined) return
    try {
      call.resolve(decodeReply(call.where, body))
    } catch (error) {
      call.reject(error as SidecarError)
    }
  }

  fail(id: unknown, errorOf: (call: PendingCall) => SidecarError): void {
    const call = this.take(id)
    call?.reject(errorOf(call))
  }

  /** @param which only these */
  failAll(errorOf: (call: PendingCall) => SidecarError, which: (call: PendingCall) => boolean = () => true): void {
    for (const [id, call] of this.calls) if (which(call)) this.fail(id, errorOf)
  }

  private take(id: unknown): PendingCall | undefined {
    const call = this.calls.get(id as string)
    this.calls.delete(id as string)
    return call
  }
}
