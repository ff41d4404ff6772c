import { expect, test } from 'vitest'
import { loadError } from '../support/bootstrap.js'

test.each([
  ['a: ${b}\nb: x${a}\n', 'a → b → a'],
  ['a: ${a}\n', 'a → a'],
  ['a: ${b}\nb: ${c:x}\nc: ${d}\nd: ${b}\n', 'b → c → d → b'],
  ['a: ${b:${c}}\nb: 1\nc: ${x:${c}}\n', 'c → c'],
])('fault 35: a circular placeholder names its cycle: %j', (yaml, cycle) => {
  const error = loadError(yaml)
  expect(error).toMatchObject({ code: 'SIDECAR_PLACEHOLDER_CYCLE' })
  expect(error.message).toMatch(/^bootstrap\.yml:\d+:\d+: /)
  expect(error.message).toContain(`: ${cycle}`)
})
