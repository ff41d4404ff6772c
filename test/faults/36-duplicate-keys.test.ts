import { expect, test } from 'vitest'
import { loadBootstrap, loadError } from '../support/bootstrap.js'

test.each([
  ['server:\n  port: 1\n  # again\n  port: 2\n', 'bootstrap.yml:4:3: the key "port" is duplicated: first in line 2'],
  ['a: 1\nb: 2\n"a": 3\n', 'bootstrap.yml:3:2: the key "a" is duplicated: first in line 1'],
  ['server.port: 1\nserver.port: 2\n', 'the key "server.port" is duplicated: first in line 1'],
  ['a: { b: 1, b: 2 }\n', 'bootstrap.yml:1:12: the key "b" is duplicated: first in line 1'],
])('fault 36: duplicate keys: both lines: %j', (yaml, message) => {
  const error = loadError(yaml)
  expect(error).toMatchObject({ code: 'SIDECAR_SETTINGS_SYNTAX' })
  expect(error.message).toContain(message)
})

test('fault 36: the same key in two documents is no duplicate', () => {
  expect(loadBootstrap('a: 1\n---\na: 2\n').store.get('a')).toBe(2)
})

test.each([
  ['server.port: 1\nserver:\n  port: 2\n', 2],
  ['server:\n  port: 2\nserver.port: 1\n', 1],
  ['spring: { server: { port: 3 } }\nserver.port: 4\n', 4],
  ['server: { port: 4 }\nspring.server.port: 3\n', 3],
])('C7: a flat key beside the same nested key: the later one counts: %j', (yaml, port) => {
  expect(loadBootstrap(yaml).settings.server.port).toBe(port)
})
