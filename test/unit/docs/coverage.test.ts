import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { coveragePage } from '../../../scripts/coverage-page/page.js'

test('docs/coverage.md is up to date (npm run coverage-page), and every test that it names is there', () => {
  const { text, problems } = coveragePage()
  expect(problems).toEqual([])
  expect(readFileSync('docs/coverage.md', 'utf8')).toBe(text)
})
