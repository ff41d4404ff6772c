import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadBootstrap, loadError } from '../support/bootstrap.js'
import { duration } from '../support/scale.js'

test('fault 33: wrong type: key, what was expected, what was there, and where', () => {
  expect(loadError('server:\n  port: 80a\n')).toMatchObject({
    code: 'SIDECAR_SETTINGS_INVALID',
    message: 'bootstrap.yml:2:9: server.port: expected an integer 0–65535, got "80a"',
  })
})

test('fault 33: whatever stands for the port, it is a port or the error says it', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String)), (value) => {
      const yaml = `server:\n  port: ${JSON.stringify(value)}\n`
      const number = value.trim() === '' ? NaN : Number(value)
      if (Number.isInteger(number) && number >= 0 && number <= 65535) {
        expect(loadBootstrap(yaml).settings.server.port).toBe(number)
      } else if (!/[$][{<]/.test(value)) {
        expect(loadError(yaml).message).toMatch(/^bootstrap\.yml:2:9: server\.port: expected an integer 0–65535, got "/)
      }
    }),
    { numRuns: duration(300, 60) },
  )
})
