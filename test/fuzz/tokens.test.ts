import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { expect } from 'vitest'
import { createGuard } from '../../src/auth/guard.js'
import { authSettings } from '../support/auth-service.js'
import { fuzz } from './fuzz.js'
import { collectLog } from '../support/collect.js'

const tokens = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'good',
      'bad',
      'good ',
      ' good',
      'GOOD',
      'good,bad',
      'good;bad',
      'good\tx',
      '',
      ' ',
      'Bearer good',
    ),
  },
  fc.string({ maxLength: 12 }),
)
/** Where a token may stand, and what makes of it what arrives there. */
const places = {
  authorization: (token: string) => ({ authorization: `Bearer ${token}` }),
  lower: (token: string) => ({ authorization: `bearer  ${token}` }),
  basic: (token: string) => ({ authorization: `Basic ${token}` }),
  xToken: (token: string) => ({ 'x-token': token }),
  xAuthToken: (token: string) => ({ 'x-auth-token': token }),
  cookie: (token: string) => ({ cookie: `a=b; token=${token}` }),
  accessCookie: (token: string) => ({ cookie: `access_token=${token}; token=` }),
  twoCookies: (token: string) => ({ cookie: `token=good; token=${token}` }),
  query: (token: string) => ({ query: `token=${encodeURIComponent(token)}` }),
  accessQuery: (token: string) => ({ query: `access_token=${token.replace(/[#&?\s]/g, '')}` }),
  twoInQuery: (token: string) => ({ query: `token=good&token=${encodeURIComponent(token)}` }),
} as const
const sent = fc.array(fc.tuple(fc.constantFrom(...(Object.keys(places) as (keyof typeof places)[])), tokens), {
  maxLength: 4,
})

const asked = new Set<string>()
const guard = createGuard({
  settings: authSettings({ excludePaths: ['/public'] }),
  verify: (token) => {
    asked.add(token)
    return token === 'good' ? true : 401
  },
  logger: collectLog(),
})

fuzz(
  'only the good token passes the guard, and only where no other one is beside it',
  fc.tuple(sent, fc.constantFrom('GET', 'OPTIONS', 'POST', 'HEAD')),
  async ([list, method]) => {
    const { query, ...headers } = Object.assign({}, ...list.map(([place, token]) => places[place](token))) as Record<
      string,
      string
    >
    const url = `/admin${query === undefined ? '' : `?${query}`}`
    asked.clear()
    const decision = await guard.check({ url, headers, method, httpVersionMajor: 1 } as unknown as IncomingMessage)
    // What arrived, whichever place it came from.
    const arrived = [...Object.values(headers), query ?? ''].join('\n')
    if (!decision.allowed) return
    expect(arrived).toContain('good')
    expect([...asked].every((token) => token === 'good')).toBe(true)
    const alone = await guard.check({
      url: '/admin',
      headers: { authorization: 'Bearer good' },
      method,
    } as unknown as IncomingMessage)
    expect(alone.allowed).toBe(true)
    // Each single place that carries a token of its own would pass alone, too.
    for (const [name, value] of Object.entries(headers)) {
      if (name === 'authorization' && /^basic/i.test(value)) continue
      const one = await guard.check({ url: '/admin', headers: { [name]: value }, method } as unknown as IncomingMessage)
      const nothing =
        (name === 'cookie' && !/token=[^;\s]/.test(value)) || value.trim() === '' || /^bearer\s*$/i.test(value)
      expect(one.allowed || nothing, `${name}: ${value}`).toBe(true)
    }
  },
)
