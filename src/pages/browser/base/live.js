/**
 * A stream of JSON lines that never ends: it is opened again after a failure, and watched for silence. `fetch` and not
 * EventSource, which cannot send a token in a header.
 *
 * @typedef {'connecting' | 'live' | 'lost' | 'unauthorized'} LiveState
 *
 * @typedef {object} LiveOptions
 * @property {string} url
 * @property {() => Record<string, string>} [headers] read before each attempt
 * @property {(message: any) => void} onMessage one line; an empty line only says that the server lives
 * @property {(state: LiveState) => void} [onState]
 * @property {AbortSignal} signal ends it
 */

const FIRST_WAIT_MS = 300
const LONGEST_WAIT_MS = 5_000
/** The server sends a line at least every 10 s. */
const SILENT_MS = 30_000

/** @param {LiveOptions} options */
export function followStream({ url, headers = () => ({}), onMessage, onState = () => {}, signal }) {
  let waitMs = FIRST_WAIT_MS
  const attempt = async () => {
    const own = new AbortController()
    const cut = () => own.abort()
    signal.addEventListener('abort', cut, { once: true })
    let silence = setTimeout(cut, SILENT_MS)
    try {
      const response = await fetch(url, { headers: headers(), signal: own.signal, cache: 'no-store' })
      if (response.status === 401) return onState('unauthorized')
      if (!response.ok || !response.body) throw new Error(`status ${response.status}`)
      onState('live')
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      /** The pieces of a line that has not ended: it may be megabytes long. @type {string[]} */
      let pieces = []
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        clearTimeout(silence)
        silence = setTimeout(cut, SILENT_MS)
        waitMs = FIRST_WAIT_MS
        const ends = value.split('\n')
        const rest = ends.pop() ?? ''
        for (const end of ends) {
          const line = pieces.join('') + end
          pieces = []
          if (line !== '') onMessage(JSON.parse(line))
        }
        pieces.push(rest)
      }
    } catch {
      // What went wrong makes no difference: it is tried again.
    } finally {
      clearTimeout(silence)
      signal.removeEventListener('abort', cut)
      own.abort()
    }
    if (signal.aborted) return
    onState('lost')
    setTimeout(() => !signal.aborted && attempt(), waitMs)
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)
  }
  onState('connecting')
  void attempt()
}
