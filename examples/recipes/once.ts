import type { EventHandler } from 'nacos-sidecar/events'

/**
 * A handler that does each event once, though a broker may deliver it a second time. `remember` writes the id in the
 * session of the work, so that it is there if and only if what the handler did is committed.
 *
 * @param name of this handler: each one remembers for itself
 * @param remember resolves `false` if the id is there already
 */
export function once<T>(
  name: string,
  remember: (id: string) => Promise<boolean>,
  handle: EventHandler<T>,
): EventHandler<T> {
  return async (data, work) => {
    if (work.messageId === undefined || (await remember(`${name} ${work.messageId}`))) await handle(data, work)
  }
}
