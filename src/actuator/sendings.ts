import type { ServerResponse } from 'node:http'

/** Answers that are not sent yet. */
export interface Sendings {
  /** False where too many are: then this one must be short. */
  begin(response: ServerResponse): boolean
}

/** A page of a thousand operations with buckets has 12 MB; a scraper asks once at a time. */
const MAX_AT_ONCE = 8
/** A client that has not read its answer within this time is cut off. Prometheus gives up after 10 s. */
const SENT_WITHIN_MS = 15_000

/** Bounds the memory that clients hold which never read what they have asked for. */
export function createSendings(): Sendings {
  let open = 0
  return {
    begin(response) {
      if (open >= MAX_AT_ONCE) return false
      open++
      const timer = setTimeout(() => response.destroy(), SENT_WITHIN_MS).unref()
      response.once('close', () => {
        open--
        clearTimeout(timer)
      })
      return true
    },
  }
}
