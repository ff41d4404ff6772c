import type { Server as HttpServer } from 'node:http'
import type { Connections } from './connections.js'

export interface FinishOptions {
  /** The server's own, if it has it: another one may wait for the drain. */
  readonly closeIdle: (() => void) | undefined
  readonly closeAll: (() => void) | undefined
  readonly timeoutMs: number
  /** Cuts them at once. @default never */
  readonly over?: AbortSignal | undefined
}

const SWEEP_MS = 50
/** A connection made in advance, on which nothing has been asked, keeps a closed server open for no longer. */
const SILENT_MS = 1_000

/**
 * Lets the connections of a server that accepts no more finish what is in flight, and cuts what is left after
 * `timeoutMs`.
 *
 * @returns how many were cut
 */
export function finishConnections(
  server: HttpServer,
  { sockets, secured }: Pick<Connections, 'sockets' | 'secured'>,
  { closeIdle, closeAll, timeoutMs, over }: FinishOptions,
): Promise<number> {
  return new Promise((resolve) => {
    // A connection that falls idle after close() would otherwise stay for its keep-alive time.
    const sweep = setInterval(() => closeIdle?.(), SWEEP_MS)
    // To node:http, one that was never used is not idle.
    const unusedTimer = setTimeout(() => {
      // What has come while the event loop was busy is read before that.
      setImmediate(() => {
        for (const [socket, bytesAtOpen] of [...sockets, ...secured])
          if (socket.bytesRead === bytesAtOpen) socket.destroy()
      })
    }, SILENT_MS)
    const end = (cut: number) => {
      clearInterval(sweep)
      clearTimeout(unusedTimer)
      clearTimeout(timer)
      server.off('close', onEnd)
      over?.removeEventListener('abort', cutAll)
      resolve(cut)
    }
    const onEnd = () => end(0)
    const cutAll = () => {
      const cut = sockets.size
      for (const [socket] of sockets) socket.destroy()
      closeAll?.()
      end(cut)
    }
    const timer = setTimeout(cutAll, timeoutMs)
    server.once('close', onEnd)
    if (over?.aborted) cutAll()
    else over?.addEventListener('abort', cutAll)
  })
}
