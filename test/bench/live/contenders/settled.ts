import { setTimeout as pause } from 'node:timers/promises'
import type { Contender } from './contender.js'

const LONGEST_MS = 10_000

/**
 * Waits until the client is what its name says (a push connection takes a moment on a server that has just started), and
 * `settleMs` more. Returns why it never became so.
 */
export async function settled(client: Contender, settleMs: number): Promise<string | undefined> {
  const endAt = performance.now() + LONGEST_MS
  while (client.lacking() !== undefined && performance.now() < endAt) await pause(100)
  await pause(settleMs)
  return client.lacking()
}
