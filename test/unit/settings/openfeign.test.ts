import { expect, test } from 'vitest'
import { loadBootstrap, loadError } from '../../support/bootstrap.js'

const clients = (text: string) => loadBootstrap(text).settings.feign.client

test.each([
  ['since Spring Cloud 2022', 'spring:\n  cloud:\n    openfeign:\n      client:\n        config:'],
  ['before', 'feign:\n  client:\n    default-to-properties: true\n    refresh-enabled: false\n    config:'],
])("a Java team's clients, %s", (_when, home) => {
  const indent = ' '.repeat(home.length - home.lastIndexOf('\n') + 4)
  const found = clients(
    [
      home,
      `${indent}default: { connectTimeout: 5000, read-timeout: 4s, loggerLevel: basic }`,
      `${indent}user-service: { readTimeout: 1000 }`,
    ].join('\n'),
  )
  expect(found['default']).toEqual({ connectTimeout: 5_000, readTimeout: 4_000 })
  expect(found['user-service']).toEqual({ readTimeout: 1_000 })
})

test('our own word for the same is stronger, setting by setting', () => {
  const found = clients(`
feign:
  client:
    user-service: { readTimeout: 2s }
    config: { user-service: { readTimeout: 1s, connectTimeout: 3s } }
`)
  expect(found['user-service']).toEqual({ readTimeout: 2_000, connectTimeout: 3_000 })
})

test('a service may be called config', () => {
  const found = clients('feign: { client: { config: { url: "http://config:1", headers: { x-a: b } } } }')
  expect(found['config']).toEqual({ url: 'http://config:1', headers: { 'x-a': 'b' } })
  expect(Object.keys(found)).toEqual(['config'])
})

test('a wrong value is named by the key that was written', () => {
  const error = loadError('spring: { cloud: { openfeign: { client: { config: { a: { readTimeout: soon } } } } } }')
  expect(error.message).toMatch(
    /bootstrap\.yml:1:\d+: spring\.cloud\.openfeign\.client\.config\.a\.readTimeout: .*"soon"/,
  )
})
