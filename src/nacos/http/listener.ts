import type { ConfigKey } from '../../types.js'
import type { WireResponse } from './wire.js'

/** A config and the MD5 of what the client holds; `''` for nothing. */
export interface ListenedConfig extends ConfigKey {
  readonly md5: string
}

const WORD = '\x02'
const LINE = '\x01'

/** `dataId ␂ group ␂ md5 ␂ tenant ␁` for each; the tenant of the public namespace stays empty. */
export function encodeListening(configs: readonly ListenedConfig[]): string {
  return configs.map(({ dataId, group, md5, namespace }) => [dataId, group, md5, namespace].join(WORD) + LINE).join('')
}

/** The configs that have changed. An empty answer is none; without a long poll Java servers send it in a header. */
export function decodeChanged(response: WireResponse): ConfigKey[] {
  const body = response.body.trim()
  if (body !== '') return decodeLines(body)
  const header = response.headers['probe-modify-response-new']
  if (header) return decodeLines(header)
  return decodeOldHeader(response.headers['probe-modify-response'] ?? '')
}

function decodeLines(text: string): ConfigKey[] {
  return decodeURIComponent(text)
    .split(LINE)
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const [dataId = '', group = '', tenant = ''] = line.split(WORD)
      // Java answers `public` if it was asked so, r-nacos leaves it out.
      return { dataId, group, namespace: tenant === 'public' ? '' : tenant }
    })
}

// `dataId:group;`, from before namespaces. A data id may hold colons, a group may too, but hardly does.
function decodeOldHeader(text: string): ConfigKey[] {
  return text
    .split(';')
    .map(
      (entry) =>
        entry.lastIndexOf(':') >= 0 && [
          entry.slice(0, entry.lastIndexOf(':')),
          entry.slice(entry.lastIndexOf(':') + 1),
        ],
    )
    .filter((pair) => pair !== false)
    .map(([dataId = '', group = '']) => ({ dataId, group, namespace: '' }))
}
