import { SidecarError, messageOf } from '../errors.js'
import { isActive, sectionsOf } from '../properties/activation.js'
import { DocumentError } from '../properties/document-error.js'
import type { PropertyDocument, PropertyEntry } from '../properties/document.js'
import { extensionOf, formatOf, readingDocument, type DocumentFormat } from '../properties/formats.js'
import type { ConfigItem } from '../types.js'
import type { Sliced } from '../util/slices.js'
import type { RemoteReference } from './remote-plan.js'

export interface RemoteDocumentToRead {
  readonly reference: RemoteReference
  /** For messages. */
  readonly name: string
  /** The active profiles: a `---` document may be for some alone. */
  readonly profiles: readonly string[]
  /** `cloud.nacos.config.max-bytes`. */
  readonly maxBytes: number
}

/**
 * The property documents in what Nacos holds. All or nothing: a document with an error in it has no values.
 *
 * @throws SidecarError `SIDECAR_CONFIG_TOO_LARGE`, `SIDECAR_CONFIG_INVALID`
 */
export function* readRemoteDocument(
  { content, type }: ConfigItem,
  document: RemoteDocumentToRead,
): Sliced<PropertyDocument[]> {
  const { name, reference, profiles, maxBytes } = document
  if (isEncrypted(reference.dataId)) throw new SidecarError('SIDECAR_CONFIG_INVALID', encrypted(name))
  const bytes = Buffer.byteLength(content)
  if (bytes > maxBytes) {
    throw new SidecarError(
      'SIDECAR_CONFIG_TOO_LARGE',
      `config ${name} has ${bytes} bytes, more than cloud.nacos.config.max-bytes (${maxBytes})`,
    )
  }
  const foreign = isForeign(reference.dataId, formatOf(type))
  const hint = foreign ? ` (read as YAML: .${extensionOf(reference.dataId)} is none of ${READABLE})` : ''
  try {
    const read = yield* valuesOf(document, content, foreign ? 'yaml' : reference.format, formatOf(type))
    // An app's own `profiles: [a, b]` is no word of Spring's.
    return sectionsOf(read, false)
      .filter((section) => isActive(section, profiles, name))
      .map(({ entries }) => ({ name, layer: 'remote', entries, above: reference.above }))
  } catch (error) {
    const what = error instanceof DocumentError ? error.message : `${name}: ${messageOf(error)}`
    throw new SidecarError('SIDECAR_CONFIG_INVALID', `config ${what}${hint}`)
  }
}

/**
 * A data id without an extension is read as Nacos says. "Text" is what Nacos says if no format was chosen: then by
 * `file-extension`, as in Spring; it is one plain text where it is nothing of that format.
 */
function* valuesOf(
  { name, reference }: RemoteDocumentToRead,
  content: string,
  format: DocumentFormat | undefined,
  told: DocumentFormat | undefined,
): Sliced<PropertyEntry[][]> {
  const as = (chosen: DocumentFormat) =>
    readingDocument(content, chosen, { name, key: reference.dataId, inWorker: true })
  if (format !== undefined) return yield* as(format)
  if (told !== 'text') return yield* as(told ?? reference.fallbackFormat)
  try {
    return yield* as(reference.fallbackFormat)
  } catch (error) {
    if (error instanceof DocumentError) return yield* as('text')
    throw error
  }
}

/** Nacos's plugins encrypt by the name: `cipher-<algorithm>-<data id>`. */
function isEncrypted(dataId: string): boolean {
  return dataId.startsWith('cipher-')
}

function encrypted(name: string): string {
  return (
    `config ${name} is encrypted (its data id begins with cipher-) and cannot be decrypted here: publish what this ` +
    'service needs of it under a data id without cipher-, or give it by the environment'
  )
}

const READABLE = 'yml, yaml, json, properties, xml, txt'
const FOREIGN = new Set(['toml', 'ini', 'conf', 'cfg', 'hocon', 'csv'])

/** A file of a format that is not read, and Nacos knows no better: `text` is its word for what was never said. */
function isForeign(dataId: string, told: DocumentFormat | undefined): boolean {
  return FOREIGN.has(extensionOf(dataId)) && (told === undefined || told === 'text')
}
