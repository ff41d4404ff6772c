import { setTimeout as pause } from 'node:timers/promises'
import { openContender } from '../contenders/open.js'
import { measureUsage, openSockets, type Usage } from '../support/usage.js'
import type { Scenario } from './scenario.js'

const SERVICES = 10
const DOCUMENTS = 5
const SETTLE_MS = 6_000
const WINDOW_MS = 11_000

export const idleDocuments = (run: string, contender: string): string[] =>
  Array.from({ length: DOCUMENTS }, (_, n) => `${run}-${contender}-idle-${n}.yml`)

export interface IdleUsage extends Usage {
  /** Why it is not what its name says, if so. */
  readonly lacking?: string
}

/** A usual member without calls: one instance registered, ten services and five documents followed. */
export const idle: Scenario<IdleUsage> = async ({ contender, server, grpcPort, run }, mark) => {
  const sockets = openSockets()
  const joinAs = `${run}-${contender}`
  const documents = idleDocuments(run, contender)
  const client = await openContender(contender, { server, ...(grpcPort && { grpcPort }), documents, joinAs })
  for (let n = 0; n < SERVICES; n++) client.follow(`${run}-idle-${n}`, () => {})
  await pause(SETTLE_MS)
  mark()
  const usage = await measureUsage(WINDOW_MS, sockets)
  mark()
  const lacking = client.lacking()
  return { ...usage, ...(lacking !== undefined && { lacking }) }
}
