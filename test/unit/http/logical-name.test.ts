import { expect, test } from 'vitest'
import { readLogicalUrl } from '../../../src/http/logical-name.js'

test.each([
  ['http://user-service/users/1?a=1', 'user-service', '/users/1?a=1'],
  ['http://user-service', 'user-service', ''],
  ['https://userService?x=1', 'userService', '?x=1'],
  ['http://user_service/', 'user_service', '/'],
  ['http://user-service:80/x', 'user-service', '/x'],
  ['https://user-service:443', 'user-service', ''],
])('%s is logical', (url, service, rest) => {
  expect(readLogicalUrl(url)).toEqual({ service, secure: url.startsWith('https'), rest, sure: false })
})

test.each([
  ['lb://user-service/x?a=1', 'user-service', '/x?a=1'],
  ['LB://AUTH-Service', 'AUTH-Service', ''],
  ['lb://demo.api/x', 'demo.api', '/x'],
])('%s is logical, whatever the registry says', (url, service, rest) => {
  expect(readLogicalUrl(url)).toEqual({ service, secure: false, rest, sure: true })
})

test.each([
  ['http://demo.api/x', 'demo.api'],
  ['http://DEMO.API:80/x', 'demo.api'],
  ['https://auth-service/x', 'AUTH-Service'],
])('%s is logical where the settings list it', (url, service) => {
  const listed = (host: string) =>
    ['demo.api', 'AUTH-Service'].find((name) => name.toLowerCase() === host.toLowerCase())
  expect(readLogicalUrl(url, listed)).toEqual({ service, secure: url.startsWith('https'), rest: '/x', sure: true })
})

test.each([
  'http://example.com/x',
  'http://user-service:443/x',
  'https://user-service:80/x',
  'http://demo.api:8080/x',
  'lb://user-service:8080/x',
  'lb://user:pass@user-service/x',
  'lb:user-service/x',
  'http://user-service./x',
  'http://localhost/x',
  'http://LOCALHOST/x',
  'http://user-service:8080/x',
  'http://127.0.0.1/x',
  'http://[::1]/x',
  'http://2130706433/x',
  'http://0x7f000001/x',
  'http://user:pass@user-service/x',
  'http://user-service@evil.example/x',
  'http://user-service\\@evil.example/x',
  'ftp://user-service/x',
  '//user-service/x',
  '/x',
  '',
])('%j passes through', (url) => {
  expect(readLogicalUrl(url)).toBeUndefined()
})
