import { describe, expect, it } from 'vitest'
import { decodePayload, encodePayload } from '../../../src/dev-server/grpc/payload.js'

const body = Buffer.from('{}')

describe('the payload codec', () => {
  it('gives back what it was given, at every length of a length', () => {
    for (const length of [0, 1, 127, 128, 16_383, 16_384, 2_097_152]) {
      const payload = { type: 'T', headers: { 城: 'x'.repeat(length), '': 'y' }, body: Buffer.alloc(length, 'b') }
      const back = decodePayload(encodePayload(payload))
      expect([back.type, { ...back.headers }, back.body.equals(payload.body)]).toEqual(['T', payload.headers, true])
    }
  })

  it('keeps a header named __proto__ as text and nothing else', () => {
    const headers = JSON.parse('{"__proto__":"p"}') as Record<string, string>
    const back = decodePayload(encodePayload({ type: 'T', headers, body }))
    expect(Object.entries(back.headers)).toEqual([['__proto__', 'p']])
  })

  it('skips fields it does not know, of every wire type', () => {
    const unknown = Buffer.from([0x08, 0xff, 0x01, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x2a, 1, 9, 0x35, 1, 2, 3, 4])
    const known = encodePayload({ type: 'T', headers: {}, body })
    expect(decodePayload(Buffer.concat([unknown, known, unknown]))).toMatchObject({ type: 'T', body })
  })

  it('refuses what is cut short or no message, at every byte', () => {
    const whole = encodePayload({ type: 'Type', headers: { a: 'b' }, body })
    const cut = Array.from({ length: whole.length - 1 }, (_, at) => whole.subarray(0, at + 1))
    const read = cut.filter((bytes) => {
      try {
        decodePayload(bytes)
        return true
      } catch {
        return false
      }
    })
    // Only the border between the two fields is the end of a message.
    expect(read).toHaveLength(1)
    for (const bytes of [[0x0b], [0x0c], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]) {
      expect(() => decodePayload(Buffer.from(bytes))).toThrow(/Payload/)
    }
  })
})
