import { isFree } from '../../support/own-port.js'

const given = new Set<number>()

/** A port such that it and its neighbours at `offsets` are free: Nacos puts gRPC at +1000 and raft at −1000. */
export async function freePort(offsets: readonly number[]): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    // Below the kernel's ephemeral range, so that no outgoing connection takes it in between.
    const port = 12_000 + Math.floor(Math.random() * 19_000)
    const block = [port, ...offsets.map((offset) => port + offset)]
    // Others draw while this one waits, and a server takes its ports long after it has them.
    if (block.some((one) => given.has(one))) continue
    block.forEach((one) => given.add(one))
    const free = await Promise.all(block.map(isFree))
    if (free.every(Boolean)) return port
  }
  throw new Error('no free block of ports found')
}
