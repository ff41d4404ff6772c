/**
 * Asks for the report again and again. It rests while the page is hidden or paused.
 *
 * @typedef {'connecting' | 'live' | 'paused' | 'lost' | 'refused'} LiveState
 *
 * @typedef {object} Live
 * @property {boolean} paused
 * @property {(paused: boolean) => void} pause
 *
 * @param {object} options
 * @param {string} options.url
 * @param {(report: import('../../status-report.js').StatusReport) => void} options.onReport
 * @param {(state: LiveState, reason: string) => void} options.onState
 * @returns {Live}
 */
export function pollReport({ url, onReport, onState }) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  let asking = false
  let paused = false

  const next = () => {
    clearTimeout(timer)
    if (!paused && !document.hidden) timer = setTimeout(ask, INTERVAL_MS)
  }
  const ask = async () => {
    if (asking) return
    asking = true
    try {
      const response = await fetch(url, { cache: 'no-store', signal: AbortSignal.timeout(LIMIT_MS) })
      const body = await response.json()
      if (response.ok) {
        onReport(body)
        onState(paused ? 'paused' : 'live', '')
      } else if (response.status < 500) {
        onState('refused', String(body.message ?? response.status))
      } else {
        onState('lost', '')
      }
    } catch {
      onState('lost', '')
    } finally {
      asking = false
      next()
    }
  }
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && !paused) void ask()
  })
  onState('connecting', '')
  void ask()
  return {
    get paused() {
      return paused
    },
    pause(now) {
      paused = now
      clearTimeout(timer)
      onState(paused ? 'paused' : 'live', '')
      if (!paused) void ask()
    },
  }
}

const INTERVAL_MS = 2_000
const LIMIT_MS = 10_000
