import { el, fill, icon } from './dom.js'
import { recall, remember } from './i18n.js'

/**
 * @typedef {'system' | 'light' | 'dark'} Theme
 * @typedef {import('./i18n.js').I18n} I18n
 */

const STORED = 'sidecar.theme'
/** @type {readonly Theme[]} */
const THEMES = ['system', 'light', 'dark']
const ICONS = /** @type {const} */ ({ system: 'screen', light: 'sun', dark: 'moon' })

/** The theme that was chosen before, or that of the system. To be called before anything is drawn. */
export function applyTheme() {
  set(chosen())
}

/** @returns {Theme} */
function chosen() {
  const stored = recall(STORED)
  return THEMES.find((theme) => theme === stored) ?? 'system'
}

/** @param {Theme} theme */
function set(theme) {
  if (theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
}

/**
 * The switches for language and theme that stand in the bar of each page.
 *
 * @param {I18n} i18n
 * @returns {HTMLElement}
 */
export function preferences(i18n) {
  const box = el('div', { class: 'preferences' })
  const draw = () => {
    const theme = chosen()
    const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system'
    const name = `${i18n.t('base.theme')}: ${i18n.t(`base.theme.${theme}`)}`
    const onTheme = () => {
      remember(STORED, next)
      set(next)
      draw()
      const again = box.querySelector('[data-switch=theme]')
      if (again instanceof HTMLElement) again.focus()
    }
    const language = el(
      'select',
      {
        'aria-label': i18n.t('base.language'),
        onchange: () => i18n.choose(/** @type {import('./i18n.js').Language} */ (language.value)),
      },
      el('option', { value: 'en', lang: 'en', selected: i18n.language() === 'en' }, 'English'),
      el('option', { value: 'zh', lang: 'zh-CN', selected: i18n.language() === 'zh' }, '简体中文'),
    )
    fill(
      box,
      language,
      el(
        'button',
        {
          class: 'button quiet square',
          type: 'button',
          'data-switch': 'theme',
          'aria-label': name,
          title: name,
          onclick: onTheme,
        },
        icon(ICONS[theme]),
      ),
    )
  }
  draw()
  return box
}
