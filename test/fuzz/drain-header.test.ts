import fc from 'fast-check'
import { expect } from 'vitest'
import { formatDrainHeader, parseDrainHeader } from '../../src/drain-header.js'
import { fuzz } from './fuzz.js'

const own = { ip: '10.0.0.1', port: 8080 }
const name = formatDrainHeader(own, 1000).split(';')[1]!
const pieces = fc.constantFrom(
  name,
  name.slice(1),
  ';',
  '12',
  '-1',
  '1e9',
  '9999999',
  '0',
  ' ',
  ',',
  'Infinity',
  '٣',
  '\0',
)
const headers = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join('')),
)

fuzz('a drain header counts for the instance that made it alone, and for a bounded time', headers, (header) => {
  const forMs = parseDrainHeader(header, own)
  if (forMs !== undefined) {
    expect(header.split(';')[1]).toBe(name)
    expect(Number.isFinite(forMs) && forMs >= 0 && forMs <= 999_999_000).toBe(true)
  }
  expect(parseDrainHeader(header, { ip: '10.0.0.2', port: 8080 })).toBeUndefined()
})

const addresses = fc.record({ ip: fc.ipV4(), port: fc.integer({ min: 1, max: 65_535 }) })

fuzz('a drain header is read as it was written', fc.tuple(addresses, fc.nat(600_000)), ([address, forMs]) => {
  const read = parseDrainHeader(formatDrainHeader(address, forMs), address)
  expect(read).toBe(Math.ceil(forMs / 1000) * 1000)
})
