import { expect, test } from 'vitest'
import { readLogicalUrl } from '../../../src/http/logical-name.js'

test.each([
  ['http://user-service/users/1?a=1', 'user-service', '/users/1?a=1'],
  ['http://user-service', 'user-service', ''],
  ['https://userService?x=1', 'userService', '?x=1'],
  ['http://user_service/', 'user_service', '/'],
])('%s is logical', (url, service, rest) => {
  expect(readLogicalUrl(url)).toEqual({ service, secure: url.startsWith('https'), rest })
})

test.each([
  'http://example.com/x',
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
