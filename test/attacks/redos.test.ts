import { expect, it } from 'vitest'
import { createGuard } from '../../src/auth/guard.js'
import { authSettings, incoming } from '../support/auth-service.js'
import { leastCpuTime } from '../support/cost.js'
import { collectLog } from '../support/collect.js'

const PATTERNS = [
  '/static',
  '/**/a/**/a/**/a/**/b',
  '/*a*a*a*a*a*a*b',
  '/**/*a*a*a*b/**/c',
  '/a/*/a/*/a/*/b',
  '/**/*.png',
  '/*x*',
  '/**/**/**/**/z',
]
const LENGTH = 100 * 1024
const fill = (piece: string) => `/${piece.repeat(Math.ceil(LENGTH / piece.length))}`.slice(0, LENGTH)

const HOSTILE: Record<string, string> = {
  'one long segment': fill('a'),
  'many segments': fill('a/'),
  'many segments that nearly match': `${fill('a/b/')}/!`,
  'empty segments': fill('/'),
  'dot segments': fill('../'),
  'escapes that need not be': fill('%61'),
  'escapes that need not be, in many segments': fill('%61/'),
  'escapes of several bytes': fill('%E6%96%87'),
  'escapes in many segments': fill('%20/'),
  'undecodable only at the end': `${fill('%20/')}%`,
  'encoded slashes': fill('%2f'),
  'double escapes': fill('%2525'),
  parameters: fill(';a/'),
  'absolute form': `http://${'a'.repeat(LENGTH)}`,
  'a scheme without an end': 'a+'.repeat(LENGTH / 2),
  'question marks': fill('?'),
  'override lookalikes': `/a?${'&_%5f'.repeat(LENGTH / 5)}`,
  'tokens lookalikes': `/a?${'token=&'.repeat(LENGTH / 7)}`,
}

it.each(Object.entries(HOSTILE))('attack: ReDoS in excludes, 100 KB of %s in < 10 ms', (_what, url) => {
  const guard = createGuard({
    settings: authSettings({ excludePaths: PATTERNS }),
    verify: () => true,
    logger: collectLog(),
  })
  for (const method of ['GET', 'OPTIONS']) {
    expect(leastCpuTime(7, () => void guard.check(incoming(url, {}, method)))).toBeLessThan(10)
  }
})

it('attack: ReDoS in excludes, the time grows with the length and no faster', () => {
  const guard = createGuard({
    settings: authSettings({ excludePaths: PATTERNS }),
    verify: () => true,
    logger: collectLog(),
  })
  const best = (url: string) => leastCpuTime(9, () => void guard.check(incoming(url)))
  for (const piece of ['a', 'a/', '%61/', 'a/b/']) {
    best(`/${piece.repeat(1000)}`)
    const short = best(`/${piece.repeat(8_000)}`)
    const long = best(`/${piece.repeat(80_000)}`)
    // Ten times the length; a quadratic matcher would take a hundred times as long.
    expect(long / Math.max(short, 0.05), piece).toBeLessThan(40)
  }
})
