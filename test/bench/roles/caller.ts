import { open } from '../contenders/open.js'
import type { ContenderName, OpenOptions } from '../contenders/contender.js'
import { drive, type Drive } from '../support/drive.js'
import { openLoop, type OpenLoop } from '../support/open-loop.js'
import type { Handlers } from '../support/worker.js'

const IDS = Array.from({ length: 1_000 }, (_, n) => String(1_000 + n))

/** One contender that calls the provider. */
export async function caller({ name, ...options }: OpenOptions & { name: ContenderName }): Promise<Handlers> {
  const { getUser, within = (run) => run() } = await open(name, options)
  const { id } = await within(() => getUser('1234'))
  if (id !== '1234') throw new Error(`the provider answered for ${id}`)
  return {
    drive: (how: Drive) => within(() => drive((n) => getUser(IDS[n % IDS.length]!), how)),
    openLoop: (how: OpenLoop) => within(() => openLoop((n) => getUser(IDS[n % IDS.length]!), how)),
    rssMb: () => process.memoryUsage().rss / 2 ** 20,
  }
}
