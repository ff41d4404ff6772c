import { messageOf, SidecarError } from '../errors.js'
import { extensionOf, formatOf, readDocument } from '../properties/formats.js'
import { isJson } from './is-json.js'

/**
 * Checks a document as services read it, before it is published for all of them. JSON of any kind is accepted: rules of Sentinel are lists. Not
 * checked are plain texts, unknown types, and encrypted documents (`cipher-…`).
 *
 * @param type as Nacos names it @default by the data id
 * @throws SidecarError `SIDECAR_CONFIG_INVALID`
 */
export function checkDocument(dataId: string, content: string, type: string | undefined): void {
  const format = formatOf(type ?? extensionOf(dataId))
  if (format === undefined || format === 'text' || dataId.startsWith('cipher-')) return
  if (format === 'json' && isJson(content)) return
  try {
    readDocument(content, format, dataId, dataId)
  } catch (error) {
    throw new SidecarError(
      'SIDECAR_CONFIG_INVALID',
      `${messageOf(error)}. Services could not read it as ${format}, so it was not published; --no-check publishes it anyway`,
    )
  }
}
