import { existsSync, readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { messageOf, SidecarError } from '../errors.js'
import type { PropertyDocument, PropertyEntry } from '../properties/document.js'
import { extensionOf, formatOf, readDocument } from '../properties/formats.js'
import { utf8Text } from '../util/utf8-text.js'
import { parseIni } from './ini.js'
import { parseKeyValues } from './key-values.js'

/**
 * A file by its extension: `.json`, `.yml`, `.yaml`, `.properties`, `.ini`; any other holds `KEY=VALUE` lines.
 *
 * @returns nothing if it is not there and may be missing
 * @throws SidecarError SIDECAR_ENV_INVALID if it cannot be read
 */
export function readEnvFile(name: string, folder: string, optional: boolean): PropertyDocument | undefined {
  const path = resolve(folder, name)
  if (!existsSync(path)) {
    if (optional) return undefined
    throw new SidecarError(
      'SIDECAR_ENV_INVALID',
      `there is no file ${name} in ${folder}: make it, or set fileOptional: true if all may come from the environment`,
    )
  }
  try {
    return { name, layer: 'local', entries: entriesOf(textOf(readFileSync(path), name), name) }
  } catch (error) {
    if (error instanceof SidecarError) throw error
    const message = messageOf(error)
    throw new SidecarError('SIDECAR_ENV_INVALID', `cannot read ${message.includes(name) ? '' : `${name}: `}${message}`)
  }
}

function entriesOf(text: string, name: string): readonly PropertyEntry[] {
  const extension = extensionOf(basename(name))
  if (extension === 'ini') return parseIni(text, name)
  const format = formatOf(extension)
  if (format === 'yaml' || format === 'json' || format === 'properties') {
    return readDocument(text, format, name, name).flat()
  }
  return parseKeyValues(text, name)
}

function textOf(bytes: Uint8Array, name: string): string {
  try {
    return utf8Text(bytes)
  } catch (error) {
    throw new SidecarError('SIDECAR_ENV_INVALID', `${name} ${messageOf(error)}`)
  }
}
