import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { requestContext } from '../../../src/auth/request-context.js'

const from = (headers: Record<string, string | string[]>, versionHeader = '', forwardHeaders: string[] = []) => {
  const request = { headers, url: '/' } as unknown as IncomingMessage
  return requestContext(request, { query: true, cookies: true }, { versionHeader, forwardHeaders })
}

test('a version that is one travels on', () => {
  expect(from({ 'x-sidecar-version': '1.2.3-rc.1' }, 'x-sidecar-version')).toEqual({ version: '1.2.3-rc.1' })
  expect(from({ 'x-sidecar-version': '2' }, 'x-lane')).toBeUndefined()
  expect(from({ 'x-sidecar-version': '2' }, '')).toBeUndefined()
  expect(from({ 'x-sidecar-version': '2' })).toBeUndefined()
})

test.each(['', '2, 3', '../2', '2\r\nx: y', '__proto__', '-1', 'v'.repeat(65), '二'])('%j is no version', (version) => {
  expect(from({ 'x-sidecar-version': version }, 'x-sidecar-version')).toBeUndefined()
})
