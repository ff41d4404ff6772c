import { expect, test } from 'vitest'
import { loadBootstrap, loadError } from '../support/bootstrap.js'

test('fault 34: an unknown placeholder: its name, the key it is used in, the line', () => {
  const error = loadError('server.port: 1\napplication:\n  name: orders-${ZONE}\n')
  expect(error.message).toMatch(
    /^bootstrap\.yml:3:9: \$\{ZONE\} has no value and no default \(used in application\.name\)/,
  )
  expect(error).toMatchObject({ code: 'SIDECAR_PLACEHOLDER_UNRESOLVED' })
})

test.each([
  ['$<DB_URL>', '$<DB_URL>'],
  ['${A:${DB_URL}}', '${DB_URL}'],
])('fault 34: %s', (text, named) =>
  expect(loadError(`application.name: ${text}`).message).toContain(`: ${named} has no value`),
)

test('fault 34: through another key, the place is that of the placeholder', () => {
  expect(loadError('application.name: ${b}\nb: ${nope}\n').message).toMatch(
    /^bootstrap\.yml:2:4: \$\{nope\} .*\(used in b\)/,
  )
})

test('fault 34: a value, a default, a variable that replaces the whole key: no error', () => {
  const yaml = 'db.url: ${DB_ADDRESS}'
  expect(loadBootstrap(yaml, { vars: { DB_ADDRESS: 'x' } }).store.get('db.url')).toBe('x')
  expect(loadBootstrap(yaml, { vars: { DB_URL: 'y' } }).store.get('db.url')).toBe('y')
  expect(loadBootstrap('db.url: ${DB_ADDRESS:}').store.get('db.url')).toBe('')
})
