import { expect, test } from 'vitest'
import { createRates } from '../../../src/status-page/rates.js'
import { hideSecrets } from '../../../src/status-page/hide-secrets.js'

test('a rate is that of the last ten seconds in which it was asked; at first since the start', () => {
  let now = 4_000
  const rates = createRates(0, () => now)
  const one = (count: number) => ({ kind: 'server', name: 'GET /', count }) as const
  const ask = (count: number) => rates([one(count)] as never)(one(count))
  expect(ask(8)).toBe(2)
  for (now = 6_000; now <= 20_000; now += 2_000) ask(8 + now)
  // From the count that is ten seconds old: 14,000 more in 10 s.
  now = 30_000
  expect(ask(8 + 20_000)).toBe(0)
  now = 32_000
  expect(ask(8 + 22_000)).toBeCloseTo(2_000 / 12, 0)
  // An hour in which no report was asked for is the mean of it.
  now += 3_600_000
  expect(ask(30_008 + 3_600)).toBeCloseTo((30_008 + 3_600 - 22_008) / 3_600, 1)
})

test('a secret is hidden wherever it stands as a value, whatever it is, and the JSON stays JSON', () => {
  const value = {
    log: ['password hunter2 is wrong', 'port=8848'],
    port: 8848,
    on: true,
    escaped: 'a"b\\c',
    url: 'http://h/?p=pass%20word',
    name: 'nacos-1.example',
  }
  const secrets = ['hunter2', '8848', 'true', 'a"b\\c', 'pass word', 'nacos', '\ud800x', '']
  const hidden = JSON.parse(hideSecrets(JSON.stringify(value), secrets)) as typeof value
  expect(hidden).toEqual({
    ...value,
    log: ['password *** is wrong', 'port=***'],
    escaped: '***',
    url: 'http://h/?p=***',
  })
  const same = JSON.stringify({ a: 1 })
  expect(hideSecrets(same, ['hunter2'])).toBe(same)
})
