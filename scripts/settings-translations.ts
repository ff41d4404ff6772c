import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'
import type { PageLanguage, SettingRow } from './settings-page.js'

/** What settings.zh-CN.yml holds. */
export interface SettingsTranslation extends Omit<PageLanguage, 'translate'> {
  /** By the path of the key. */
  readonly keys: Readonly<Record<string, TranslatedKey>>
}

export interface TranslatedKey {
  /** The English description that was translated: where the setting has another one now, the translation is stale. */
  readonly en: string
  readonly zh: string
  /** Of a default that is a phrase, not a value. */
  readonly default?: string
}

export const TRANSLATION_FILE = new URL('./settings.zh-CN.yml', import.meta.url)

export function readTranslation(): SettingsTranslation {
  return load(readFileSync(TRANSLATION_FILE, 'utf8')) as SettingsTranslation
}

/** The Chinese of the page. A key without a translation, or with a stale one, is shown in English. */
export function chinese({ keys, ...words }: SettingsTranslation = readTranslation()): PageLanguage {
  return {
    ...words,
    translate(row) {
      const translated = keys[row.path]
      if (!translated || isStale(translated, row)) return undefined
      return { what: translated.zh, fallback: translated.default }
    },
  }
}

export const isStale = ({ en }: TranslatedKey, { what }: SettingRow): boolean => en !== what
