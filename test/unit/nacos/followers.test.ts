import { describe, expect, it } from 'vitest'
import { nextSnapshot } from '../../../src/discovery/snapshot.js'
import { ServiceFollowers } from '../../../src/nacos/followers.js'
import { readHosts } from '../../../src/nacos/host.js'
import type { ServiceInstance } from 'nacos-sidecar'
import { collectLog } from '../../support/collect.js'
import { ORDERS } from '../../support/transport.js'

/** As an answer of the registry is read: objects of its own each time. */
const read = (...ports: number[]): ServiceInstance[] =>
  readHosts(
    ports.map((port) => ({ ip: '10.0.0.1', port, weight: 1, metadata: { zone: 'a' } })),
    ORDERS,
  )!

/** The latest list of a follower, fed with these. */
function follow(...lists: ServiceInstance[][]): readonly ServiceInstance[] {
  const followers = new ServiceFollowers(ORDERS, collectLog(), () => {})
  let latest: readonly ServiceInstance[] = []
  followers.add((list) => void (latest = list))
  for (const list of lists) followers.emit(list)
  return latest
}

describe('an instance of a list', () => {
  it('is the object that is read, frozen, and no copy of it', () => {
    const [instance] = read(1)
    expect(nextSnapshot(ORDERS, [instance!], undefined).all[0]).toBe(instance)
    expect(Object.isFrozen(instance) && Object.isFrozen(instance!.metadata)).toBe(true)
  })

  it('stays the object it was while nothing of it changes, whatever becomes of others', () => {
    const first = read(1, 2)
    const latest = follow(first, [read(1)[0]!, { ...read(2)[0]!, weight: 5 }])
    expect(latest[0]).toBe(first[0])
    expect(latest[1]).toMatchObject({ port: 2, weight: 5 })
  })

  it('is copied where it is not frozen: a transport of the app may change its own', () => {
    const own = { ...read(1)[0]! }
    const kept = nextSnapshot(ORDERS, [own], undefined).all[0]
    expect(kept).toEqual(own)
    expect(kept).not.toBe(own)
  })

  it('that is frozen with a weight that is none is corrected', () => {
    const odd = Object.freeze({ ...read(1)[0]!, weight: -1 })
    expect(nextSnapshot(ORDERS, [odd], undefined).all[0]).toMatchObject({ weight: 0 })
  })
})
