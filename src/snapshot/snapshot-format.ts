import { createHash } from 'node:crypto'

/** The name of a snapshot: its kind, then the parts of a service's or a document's key. */
export type SnapshotKey = readonly [kind: string, ...parts: string[]]

export interface SavedSnapshot {
  readonly body: Buffer
  readonly savedAt: Date
}

const FORMAT = 1
const NEWLINE = 0x0a
const CHECKSUM_BYTES = 'sha256 '.length + 64 + 1

/** A header line with the key, the body, and a line with the checksum of both. */
export function* encodeSnapshot(key: SnapshotKey, savedAt: Date, body: Iterable<Uint8Array>): Generator<Uint8Array> {
  const hash = createHash('sha256')
  const header = Buffer.from(`${JSON.stringify({ format: FORMAT, key, savedAt: savedAt.toISOString() })}\n`)
  hash.update(header)
  yield header
  for (const chunk of body) {
    hash.update(chunk)
    yield chunk
  }
  yield Buffer.from(`sha256 ${hash.digest('hex')}\n`)
}

/** @throws Error with what is wrong with it. */
export function decodeSnapshot(key: SnapshotKey, bytes: Buffer): SavedSnapshot {
  if (bytes.length === 0) throw new Error('it is empty')
  const content = bytes.subarray(0, -CHECKSUM_BYTES)
  const checksum = `sha256 ${createHash('sha256').update(content).digest('hex')}\n`
  if (bytes.subarray(-CHECKSUM_BYTES).toString('latin1') !== checksum) throw new Error('its checksum is wrong')
  const end = content.indexOf(NEWLINE)
  const header = JSON.parse(content.toString('utf8', 0, end)) as { format: unknown; key: unknown; savedAt: string }
  if (header.format !== FORMAT) throw new Error('another version of nacos-sidecar wrote it')
  if (JSON.stringify(header.key) !== JSON.stringify(key)) throw new Error('it belongs to another key')
  return { body: content.subarray(end + 1), savedAt: new Date(header.savedAt) }
}
