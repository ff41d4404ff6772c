import { documentPath, type PropertyPath } from '../../properties/path.js'
import { hasPlaceholder } from '../../properties/placeholders.js'
import { flagOf } from '../../util/flag.js'
import type { RunSetting } from './run-settings.js'

/** One setting as text, as the environment, a file and the command line give it. */
export interface SettingText {
  readonly path: PropertyPath
  readonly text: string
}

/**
 * What one source says by a row. A value with a placeholder stays as it is: what it becomes is not known yet.
 *
 * @param said several where it is given again and again
 * @param sections set the keys of `also` too
 */
export function settingTexts(row: RunSetting, said: string | readonly string[], sections: boolean): SettingText[] {
  // A comma separates pairs only where a name follows: `tags=a,b` is one.
  if (row.takes === 'pairs') return pairsOf(row, typeof said === 'string' ? said.split(/,(?=[^,=]+=)/) : said)
  const value = converted(row, typeof said === 'string' ? said : said.join(','))
  if (value === '') return []
  const keys = [row.setting, ...(sections ? (row.also ?? []) : [])]
  return keys.map((key) => ({ path: documentPath(key), text: value }))
}

/**
 * `register-on-startup` and `register-on-request` of one source, where both are off: then the app registers itself.
 *
 * @param said what the source says by a row
 */
export function registersItself(said: (field: string) => string | undefined): SettingText[] {
  const off = (field: string) => flagOf(said(field) ?? '') === false
  const both = off('registration.register_on_startup') && off('registration.register_on_request')
  return both ? [{ path: ['sidecar', 'register-on'], text: 'manual' }] : []
}

function converted({ takes, on = 'true', off = 'false' }: RunSetting, text: string): string {
  if (hasPlaceholder(text)) return text
  switch (takes) {
    case 'seconds':
      return /^\s*\d+(\.\d+)?\s*$/.test(text) ? `${text.trim()}s` : text
    case 'switch': {
      const flag = flagOf(text)
      return flag === undefined ? text : flag ? on : off
    }
    default:
      return text
  }
}

function pairsOf({ setting }: RunSetting, pairs: readonly string[]): SettingText[] {
  return pairs.flatMap((pair) => {
    const [, name, value = ''] = /^\s*([^=]+?)\s*=(.*)$/s.exec(pair) ?? []
    return name === undefined ? [] : [{ path: [...documentPath(setting), name], text: value.trim() }]
  })
}
