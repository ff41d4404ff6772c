import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePayload, encodePayload } from '../../../src/nacos/grpc/payload.js'
import { protoDecode, protoEncode } from '../../support/grpc-proto.js'
import { WIRE_SERVERS, wireMessages } from '../../support/wire.js'

describe.each(WIRE_SERVERS)('recorded payloads of %s', (server) => {
  const messages = wireMessages(server).flatMap((section) => section.messages)

  it('are there', () => expect(messages.length).toBeGreaterThan(50))

  it('as we write them are what protobuf reads', () => {
    for (const { type, headers, json } of messages) {
      const read = protoDecode(encodePayload({ type, headers, clientIp: '10.1.2.3', body: Buffer.from(json) }))
      expect(read.metadata).toEqual({ type, headers, clientIp: '10.1.2.3' })
      expect(read.body.value.toString('utf8')).toBe(json)
    }
  })

  it('as protobuf writes them are what we read', () => {
    for (const { type, headers, json } of messages) {
      const bytes = protoEncode({
        metadata: { type, headers, clientIp: '10.1.2.3' },
        body: { type_url: 'type.googleapis.com/x', value: Buffer.from(json) },
      })
      const read = decodePayload(bytes)
      expect(read).toMatchObject({ type, clientIp: '10.1.2.3', headers })
      expect(JSON.parse(read.body.toString('utf8'))).toEqual(JSON.parse(json))
    }
  })
})

describe('payload', () => {
  it('carries any text, any header and any bytes both ways', () => {
    const text = fc.string({ unit: 'grapheme' })
    fc.assert(
      fc.property(
        text,
        text,
        fc.dictionary(text, text),
        fc.uint8Array({ maxLength: 20_000 }),
        (type, clientIp, headers, raw) => {
          const body = Buffer.from(raw)
          const ours = encodePayload({ type, clientIp, headers, body })
          const theirs = protoEncode({ metadata: { type, clientIp, headers }, body: { type_url: '', value: body } })
          expect(protoDecode(ours)).toEqual(protoDecode(theirs))
          for (const bytes of [ours, theirs]) {
            const read = decodePayload(bytes)
            expect([read.type, read.clientIp, { ...read.headers }]).toEqual([type, clientIp, { ...headers }])
            expect(read.body.equals(body)).toBe(true)
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it('skips fields it does not know, of every wire type', () => {
    const known = encodePayload({ type: 'T', body: Buffer.from('{}') })
    const unknown = Buffer.from([
      ...[0x20, 0x96, 0x01], // 4: varint
      ...[0x29, 1, 2, 3, 4, 5, 6, 7, 8], // 5: fixed64
      ...[0x35, 1, 2, 3, 4], // 6: fixed32
      ...[0x3a, 2, 9, 9], // 7: bytes
    ])
    expect(decodePayload(Buffer.concat([unknown, known, unknown]))).toMatchObject({ type: 'T' })
  })

  it('is refused when it was cut off inside a field', () => {
    const whole = encodePayload({ type: 'NotifySubscriberRequest', body: Buffer.from('{"a":1}') })
    const boundary = whole.indexOf(0x1a, 20)
    for (let length = 1; length < whole.length; length++) {
      if (length === boundary) continue // a whole first field is a whole message
      expect(() => decodePayload(whole.subarray(0, length)), `${length} bytes`).toThrow(/protobuf/)
    }
  })

  it('never runs away on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (raw) => {
        try {
          decodePayload(Buffer.from(raw))
        } catch (error) {
          expect((error as Error).message).toMatch(/^protobuf:/)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('has no prototype behind a header', () => {
    const bytes = protoEncode({
      metadata: { type: 'T', clientIp: '', headers: JSON.parse('{"__proto__":"x","constructor":"y"}') },
      body: { type_url: '', value: Buffer.from('{}') },
    })
    const { headers } = decodePayload(bytes)
    expect(Object.getPrototypeOf(headers)).toBeNull()
    expect(({} as { x?: unknown }).x).toBeUndefined()
    expect(headers['toString']).toBeUndefined()
  })
})
