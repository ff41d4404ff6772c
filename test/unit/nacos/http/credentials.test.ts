import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Credentials } from '../../../../src/nacos/http/credentials.js'
import { RequestFailure } from '../../../../src/nacos/http/failure.js'
import { collectLog } from '../../../support/collect.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

function setUp() {
  const login = vi.fn<() => Promise<{ token: string; ttlMs: number }>>()
  const credentials = new Credentials({ username: 'nacos', logger: collectLog(), login, server: () => 'n:8848' })
  /** As many requests as an outage brings, each of which wants a token. */
  const ask = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      vi.advanceTimersByTime(1_000)
      await credentials.token()
    }
  }
  return { credentials, login, ask }
}

const good = { token: 'new', ttlMs: 5_000 }

test.each([
  ['from the start on', false],
  ['in the middle, while the token ran out', true],
])('a registry that was away %s is logged in to as soon as it answers', async (_when, wasThere) => {
  const { credentials, login, ask } = setUp()
  if (wasThere) {
    login.mockResolvedValueOnce({ token: 'old', ttlMs: 5_000 })
    expect(await credentials.token()).toBe('old')
    await credentials.renew(undefined)
  }
  login.mockRejectedValue(new RequestFailure('connect', 'connection refused'))
  await ask(600)
  const asked = login.mock.calls.length
  expect(asked).toBeLessThan(40)
  // Just asked in vain, so that the next attempt is far away.
  while (login.mock.calls.length === asked) await ask(1)
  login.mockResolvedValue(good)
  vi.advanceTimersByTime(1_000)
  // A request goes out without a token, and the registry refuses it.
  expect(credentials.blocked).toBe(false)
  expect(await credentials.token()).toBeUndefined()
  expect(await credentials.renew(undefined)).toBe('new')
})

test('a login that was refused is left alone for longer each time', async () => {
  const { credentials, login, ask } = setUp()
  login.mockRejectedValue(new RequestFailure('denied', 'user not found!'))
  await credentials.token()
  for (let second = 0; second < 600; second++) {
    await ask(1)
    expect(await credentials.renew(undefined)).toBeUndefined()
  }
  expect(login.mock.calls.length).toBeLessThan(40)
  while (!credentials.blocked) await ask(1)
})
