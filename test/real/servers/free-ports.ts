import { isFree } from '../../support/own-port.js'

/** A port such that it and its neighbours at `offsets` are free: Nacos puts gRPC at +1000 and raft at −1000. */
export async function freePort(offsets: readonly number[]): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    // Below the kernel's ephemeral range, so that no outgoing connection takes it in between.
    const port = 12_000 + Math.floor(Math.random() * 19_000)
    const free = await Promise.all([0, ...offsets].map((offset) => isFree(port + offset)))
    if (free.every(Boolean)) return port
  }
  throw new Error('no free block of ports found')
}
