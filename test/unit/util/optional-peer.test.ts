import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { needsPackage } from '../../../src/util/optional-peer.js'

test('a package that is not installed is named with what to do, in one line', () => {
  const missing = () => createRequire(import.meta.url)('not-installed-here')
  expect(missing).toThrow('Require stack')
  try {
    missing()
  } catch (error) {
    expect(needsPackage('not-installed-here', error)).toBe(
      "needs the package not-installed-here (npm install not-installed-here): Cannot find module 'not-installed-here'",
    )
  }
})
