import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { snapshotLocation } from '../../../src/snapshot/location.js'

const owner = { servers: ['a:8848', 'b:8848'], contextPath: '/nacos', namespace: 'dev', user: 'u' }

test('the state or cache folder of the user, unless another is set', () => {
  expect(snapshotLocation(undefined, owner, { XDG_STATE_HOME: '/s', XDG_CACHE_HOME: '/c' })).toMatch(
    /^\/s\/nacos-sidecar\/[0-9a-f]{32}$/,
  )
  expect(snapshotLocation('', owner, { XDG_CACHE_HOME: '/c' })).toMatch(/^\/c\/nacos-sidecar\/[0-9a-f]{32}$/)
  expect(snapshotLocation(undefined, owner, {})?.startsWith(join(homedir(), '.cache', 'nacos-sidecar'))).toBe(true)
  expect(snapshotLocation('/var/lib/app', owner, {})).toMatch(/^\/var\/lib\/app\/[0-9a-f]{32}$/)
})

test.each(['off', 'OFF', 'false', 'no'])('%s switches them off', (word) => {
  expect(snapshotLocation(word, owner, {})).toBeUndefined()
})

test('another registry, namespace or user has a folder of its own; the order of the servers is none', () => {
  const of = (more: Partial<typeof owner>) => snapshotLocation('/x', { ...owner, ...more }, {})
  expect(of({ servers: ['b:8848', 'a:8848'] })).toBe(of({}))
  const all = [{}, { servers: ['a:8848'] }, { contextPath: '' }, { namespace: '' }, { user: 'v' }].map(of)
  expect(new Set(all).size).toBe(all.length)
})
