import { CONTEXT } from '../contenders/contender.js'
import type { Drive } from '../support/drive.js'
import { rawLoad } from '../support/raw-load.js'
import type { Handlers } from '../support/worker.js'

export async function load(): Promise<Handlers> {
  return { drive: ({ port, ...how }: Drive & { port: number }) => rawLoad(port, CONTEXT.token, how) }
}
