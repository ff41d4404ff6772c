import fc from 'fast-check'
import { SidecarError } from 'nacos-sidecar'
import { expect, test } from 'vitest'
import { loadBootstrap, loadError } from '../support/bootstrap.js'
import { duration } from '../support/scale.js'

const GOOD_LINES = Array.from({ length: 10 }, (_, index) => `key${index}: ${index}\n`).join('')

test.each<[string, string, RegExp]>([
  ['a tab', `${GOOD_LINES}a:\n\tb: 1\n`, /^bootstrap\.yml:12:1: tab characters .*: use spaces$/],
  [
    'a bracket',
    `${GOOD_LINES}a:\n  [b, c\n`,
    /^bootstrap\.yml:13:1: deficient indentation \(is a quote or a bracket above it still open\?\)$/,
  ],
  ['bad indentation', `${GOOD_LINES}a: 1\n  b: 2\n`, /^bootstrap\.yml:12:\d+: bad indentation/],
  ['an open quote', 'a: "x', /^bootstrap\.yml:\d+:\d+: unexpected end of the stream within a double quoted scalar$/],
  ['an at sign', 'name: @artifactId@\n', /^bootstrap\.yml:1:7: a value cannot start with @: put it in quotes/],
  [
    'a colon',
    'a: ${X: y}\n',
    /^bootstrap\.yml:1:\d+: bad indentation of a mapping entry \(quote a value that contains ": "\)/,
  ],
  ['a list at the top', '- a\n- b\n', /^bootstrap\.yml:1:1: expected `key: value` pairs/],
  ['just text', '\nhello\n', /^bootstrap\.yml:2:1: expected `key: value` pairs/],
  ['an unknown alias', 'a: *b\n', /^bootstrap\.yml:1:4: there is no anchor &b/],
  ['an unknown tag', 'a: !java/object x\n', /^bootstrap\.yml:1:4: the tag !java\/object is not accepted/],
  ['a list as a key', '? [a]\n: 1\n', /^bootstrap\.yml:1:3: a list or a map cannot be a key/],
  ['a NUL', 'a: x\0y\n', /^bootstrap\.yml:1:5: null byte/],
])('fault 32: invalid YAML, %s: where it is and what is wrong', (_, yaml, message) => {
  const error = loadError(yaml)
  expect(error).toMatchObject({ code: 'SIDECAR_SETTINGS_SYNTAX', message: expect.stringMatching(message) })
})

test('fault 32: no line of the file is quoted: it may hold a password', () => {
  const error = loadError('password: "canary\nuser: canary: x\n')
  expect(error.message).not.toContain('canary')
  expect(String(error.cause)).not.toContain('canary')
})

test('fault 32: whatever the text, it is read or a SidecarError names the file', () => {
  const yamlish = fc.array(
    fc.constantFrom(
      'a',
      ':',
      ' ',
      '\n',
      '- ',
      '\t',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '&x ',
      '*x',
      '<<',
      '|',
      '>',
      '${',
      '}',
      '#',
      '---\n',
      '!',
      '%',
      '?',
      ',',
      '\r\n',
    ),
    { maxLength: 30 },
  )
  fc.assert(
    fc.property(
      fc.oneof(
        yamlish.map((parts) => parts.join('')),
        fc.string(),
      ),
      (yaml) => {
        try {
          loadBootstrap(yaml)
        } catch (error) {
          expect(error).toBeInstanceOf(SidecarError)
          expect((error as SidecarError).message).toContain('bootstrap.yml')
        }
      },
    ),
    { numRuns: duration(400, 100) },
  )
})
