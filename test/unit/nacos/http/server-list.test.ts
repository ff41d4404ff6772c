import { describe, expect, test } from 'vitest'
import { fixedAddresses } from '../../../../src/nacos/address-source.js'
import { RequestFailure, type FailureKind } from '../../../../src/nacos/http/failure.js'
import { createRequestLimiter } from '../../../../src/nacos/request-limiter.js'
import { ServerList } from '../../../../src/nacos/http/server-list.js'
import type { ServerAddress } from '../../../../src/settings/server-address.js'
import { collectLog } from '../../../support/collect.js'

const HOSTS = ['a', 'b', 'c']
const RUN = { idempotent: true, priority: false, waitMs: 1_000 }

/** Nodes a, b and c; those in `down` fail as said. */
function cluster({
  hosts = HOSTS,
  intervalMs = 1,
  random = () => 0,
}: { hosts?: string[]; intervalMs?: number; random?: () => number } = {}) {
  const down = new Map<string, FailureKind>()
  const asked: string[] = []
  const events: string[] = []
  const logger = collectLog()
  const list = new ServerList({
    source: fixedAddresses(
      hosts.map((host): ServerAddress => ({ host, port: 8848, tls: false, authority: `${host}:8848` })),
    ),
    limiter: createRequestLimiter(intervalMs),
    logger,
    onLost: ({ servers }) => events.push(`lost ${servers.join()}`),
    onFound: ({ server }) => events.push(`found ${server}`),
    random,
  })
  const ask = (overrides = {}) =>
    list.run(
      async ({ host }) => {
        asked.push(host)
        const kind = down.get(host)
        if (kind) throw new RequestFailure(kind, `${kind} at ${host}`)
        return host
      },
      { ...RUN, signal: new AbortController().signal, ...overrides },
    )
  return { list, down, asked, events, ask, lines: logger.lines }
}

describe('with three nodes', () => {
  test('stays with the node that answers', async () => {
    const { ask, asked } = cluster()
    for (let n = 0; n < 4; n += 1) await ask()
    expect(asked).toEqual(['a', 'a', 'a', 'a'])
  })

  test('a fleet does not start on one node', () => {
    expect([0, 0.4, 0.9].map((value) => cluster({ random: () => value }).list.current)).toEqual([
      'a:8848',
      'b:8848',
      'c:8848',
    ])
  })

  const blamed: FailureKind[] = ['connect', 'tls', 'timeout', 'reset', 'status', 'truncated', 'malformed', 'too-large']
  test.each(blamed)('goes on to the next node on %s, and stays there', async (kind) => {
    const { ask, asked, down, list } = cluster()
    down.set('a', kind)
    expect(await ask()).toBe('b')
    down.clear()
    await ask()
    expect(asked).toEqual(['a', 'b', 'b'])
    expect(list.current).toBe('b:8848')
    expect(list.connected).toBe(true)
  })

  const final: FailureKind[] = ['denied', 'no-route', 'refused', 'login', 'aborted']
  test.each(final)('an answer is an answer: %s goes nowhere else', async (kind) => {
    const { ask, asked, down, events } = cluster()
    down.set('a', kind)
    await expect(ask()).rejects.toMatchObject({ kind })
    expect(asked).toEqual(['a'])
    expect(events).not.toContain('lost a:8848,b:8848,c:8848')
  })

  test('what a node may have acted on is not sent to a second one unless it may be done twice', async () => {
    const { ask, asked, down } = cluster()
    down.set('a', 'reset')
    await expect(ask({ idempotent: false })).rejects.toMatchObject({ kind: 'reset' })
    expect(asked).toEqual(['a'])
    down.set('b', 'connect').set('a', 'connect')
    expect(await ask({ idempotent: false })).toBe('c')
  })

  test('a node that failed lately comes last', async () => {
    const { ask, asked, down } = cluster()
    down.set('a', 'timeout')
    await ask()
    down.set('b', 'timeout')
    expect(await ask()).toBe('c')
    expect(asked).toEqual(['a', 'b', 'b', 'c'])
  })

  test('says what each of them said', async () => {
    const { ask, down } = cluster()
    down.set('a', 'timeout').set('b', 'connect').set('c', 'status')
    await expect(ask()).rejects.toMatchObject({
      kind: 'status',
      tried: ['a:8848: timeout at a', 'b:8848: connect at b', 'c:8848: status at c'],
    })
  })

  test('is found once, lost once and found again', async () => {
    const { ask, down, events, list } = cluster()
    await ask()
    await ask()
    down.set('a', 'connect')
    await ask()
    for (const host of HOSTS) down.set(host, 'connect')
    await ask().catch(() => {})
    await ask().catch(() => {})
    expect(list.connected).toBe(false)
    down.clear()
    await ask()
    expect(events).toEqual(['found a:8848', 'lost a:8848,b:8848,c:8848', expect.stringMatching(/^found [abc]:8848$/)])
  })
})

describe('while every node fails', () => {
  test('requests are rationed, and go at once when one is answered', async () => {
    const { ask, asked, down } = cluster({ hosts: ['a'], intervalMs: 100 })
    down.set('a', 'status')
    await ask().catch(() => {})
    const startMs = performance.now()
    const waiting = Array.from({ length: 5 }, () => ask({ waitMs: 350 }).catch((error: unknown) => error))
    const answers = await Promise.all(waiting)
    expect(performance.now() - startMs).toBeLessThan(2_000)
    expect(asked.length).toBeLessThanOrEqual(1 + 5)
    expect(asked.length).toBeGreaterThan(2)
    expect(answers).toContainEqual(
      expect.objectContaining({ kind: 'status', message: expect.stringContaining('not sent') }),
    )

    asked.length = 0
    down.clear()
    await Promise.all(Array.from({ length: 20 }, () => ask()))
    expect(asked).toHaveLength(20)
  })

  test('a waiting request ends with its signal', async () => {
    const { ask, down } = cluster({ hosts: ['a'], intervalMs: 60_000 })
    down.set('a', 'connect')
    await ask().catch(() => {})
    await ask({ waitMs: 10 }).catch(() => {})
    const controller = new AbortController()
    const waiting = ask({ signal: controller.signal, waitMs: 60_000 })
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ kind: 'aborted' })
  })
})
