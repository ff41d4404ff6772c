import { expect, test } from 'vitest'
import { nearest } from '../../../src/util/nearest.js'

const NAMES = ['server-addr', 'namespace', 'group', 'cluster-name', 'ip', 'port']

test.each([
  ['servr-addr', 'server-addr'],
  ['server-adress', 'server-addr'],
  ['namepsace', 'namespace'],
  ['prot', 'port'],
  ['watch-delay', undefined],
  ['x', 'ip'],
])('%s → %s', (word, expected) => expect(nearest(word, NAMES)).toBe(expected))
