import { BASE_WORDS } from './words.js'

/**
 * The two languages of the pages: one table, `key: [English, 简体中文]`.
 *
 * @typedef {'en' | 'zh'} Language
 * @typedef {Readonly<Record<string, readonly [en: string, zh: string]>>} Words
 *
 * @typedef {object} I18n
 * @property {(key: string, values?: Record<string, string | number>) => string} t the text of a key; `{name}` in it is a value.
 *   A key that ends with `.one` is taken for `n: 1`, where there is one
 * @property {(value: number) => string} number
 * @property {(epochMs: number) => string} time such as `14:05:09`, with the day where it is not today
 * @property {(epochMs: number) => string} ago such as `3 minutes ago`
 * @property {(bytes: number) => string} size
 * @property {() => Language} language
 * @property {(language: Language) => void} choose remembers it, and calls the listeners
 * @property {(listener: () => void) => void} onChange
 */

const STORED = 'sidecar.language'

/**
 * @param {Words} words of the page; the base's own are there beside them
 * @returns {I18n}
 */
export function createI18n(words) {
  /** @type {Words} */
  const table = { ...BASE_WORDS, ...words }
  /** @type {Set<() => void>} */
  const listeners = new Set()
  let language = firstLanguage()
  document.documentElement.lang = tag(language)

  /** @param {string} key */
  const text = (key) => table[key]?.[language === 'en' ? 0 : 1]
  const locale = () => (language === 'en' ? 'en' : 'zh-CN')

  /** @type {I18n} */
  const i18n = {
    t(key, values = {}) {
      const single = values['n'] === 1 ? text(`${key}.one`) : undefined
      const pattern = single ?? text(key) ?? key
      return pattern.replace(/\{(\w+)\}/g, (_whole, name) => {
        const value = values[name]
        return typeof value === 'number' ? i18n.number(value) : String(value ?? '')
      })
    },
    number: (value) => (Number.isFinite(value) ? value.toLocaleString(locale()) : String(value)),
    time(epochMs) {
      const at = new Date(epochMs)
      const clock = at.toLocaleTimeString(locale(), { hour12: false })
      if (at.toDateString() === new Date().toDateString()) return clock
      return `${at.toLocaleDateString(locale(), { year: 'numeric', month: 'short', day: 'numeric' })} ${clock}`
    },
    ago(epochMs) {
      const seconds = Math.round((epochMs - Date.now()) / 1000)
      const format = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' })
      if (seconds > -60) return format.format(Math.min(0, seconds), 'second')
      if (seconds > -3600) return format.format(Math.round(seconds / 60), 'minute')
      if (seconds > -86_400) return format.format(Math.round(seconds / 3600), 'hour')
      return format.format(Math.round(seconds / 86_400), 'day')
    },
    size: (bytes) => (bytes < 1024 ? `${i18n.number(bytes)} B` : `${i18n.number(Math.round(bytes / 102.4) / 10)} KiB`),
    language: () => language,
    choose(chosen) {
      if (chosen === language) return
      language = chosen
      document.documentElement.lang = tag(language)
      remember(STORED, chosen)
      for (const listener of listeners) listener()
    },
    onChange: (listener) => void listeners.add(listener),
  }
  return i18n
}

/** @returns {Language} */
function firstLanguage() {
  const stored = recall(STORED)
  if (stored === 'en' || stored === 'zh') return stored
  return /^zh\b/i.test(navigator.language) ? 'zh' : 'en'
}

/** @param {Language} language */
function tag(language) {
  return language === 'en' ? 'en' : 'zh-CN'
}

/**
 * A choice of the reader. Storage may be refused: then it holds until the page is closed.
 *
 * @param {string} key
 * @param {string} value
 */
export function remember(key, value) {
  try {
    localStorage.setItem(key, value)
  } catch {
    // Refused by the browser's settings.
  }
}

/**
 * @param {string} key
 * @returns {string | null}
 */
export function recall(key) {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}
