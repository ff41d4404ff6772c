import { expect, test } from 'vitest'
import { loadBootstrap, loadError } from '../support/bootstrap.js'

const YAML = 'application:\r\n  name: 订单\r\nserver:\r\n  port: 9202\r\n'
const bytes = (text: string, encoding: 'utf8' | 'utf16le') => Buffer.from(text, encoding)

test('fault 37: BOM and CRLF are accepted', () => {
  for (const text of [YAML, `\ufeff${YAML}`, `\ufeff${YAML.replaceAll('\r', '')}`]) {
    const { settings } = loadBootstrap({ 'bootstrap.yml': bytes(text, 'utf8') })
    expect([settings.application.name, settings.server.port]).toEqual(['订单', 9202])
  }
})

test('fault 37: with them, places are still right', () => {
  expect(loadError('\ufeffserver:\r\n  port: x\r\n').message).toContain('bootstrap.yml:2:9: server.port')
  expect(loadError('\ufeffa: b: c').message).toContain('bootstrap.yml:1:5: ')
})

test.each([
  ['little-endian with BOM', bytes(`\ufeff${YAML}`, 'utf16le')],
  ['little-endian', bytes(YAML, 'utf16le')],
  ['big-endian with BOM', bytes(`\ufeff${YAML}`, 'utf16le').swap16()],
  ['big-endian', bytes(YAML, 'utf16le').swap16()],
])('fault 37: UTF-16, %s: an error that says so', (order, content) => {
  const error = loadError({ 'bootstrap.yml': content })
  expect(error).toMatchObject({ code: 'SIDECAR_SETTINGS_UNREADABLE' })
  expect(error.message).toContain('bootstrap.yml is UTF-16')
  expect(error.message).toContain(order.split(' ')[0])
})

test('fault 37: anything that is not UTF-8 at all', () => {
  expect(loadError({ 'bootstrap.yml': Buffer.from('name: caf\xe9', 'latin1') }).message).toContain(
    'bootstrap.yml is not UTF-8',
  )
})
