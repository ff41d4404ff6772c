import { el, icon } from '../base/dom.js'
import { namespacesOf } from './frame.js'

/**
 * @param {import('../base/i18n.js').I18n} i18n
 * @param {string} placeholder
 * @param {() => void} onInput
 */
export function searchBox({ t }, placeholder, onInput) {
  const input = el('input', {
    type: 'search',
    placeholder,
    'aria-label': placeholder,
    autocomplete: 'off',
    spellcheck: 'false',
    oninput: onInput,
  })
  return {
    element: el('span', { class: 'search', title: t('base.search') }, icon('search'), input),
    /** What is searched for, in small letters. */
    text: () => input.value.trim().toLowerCase(),
  }
}

/**
 * @param {string} label
 * @param {() => void} onChange
 */
export function checkBox(label, onChange) {
  const input = el('input', { type: 'checkbox', onchange: onChange })
  return { element: el('label', { class: 'check' }, input, label), checked: () => input.checked }
}

/**
 * The choice of a namespace; it holds for all lists.
 *
 * @param {import('./types.d.ts').Context} context
 * @param {() => void} onChange
 */
export function namespaceBox({ i18n, registry, filter }, onChange) {
  let shown = ''
  const select = el('select', {
    'aria-label': i18n.t('namespace'),
    onchange() {
      filter.namespace = select.value
      onChange()
    },
  })
  return {
    element: select,
    update() {
      const names = namespacesOf(registry)
      if (filter.namespace !== '' && !names.includes(filter.namespace)) names.push(filter.namespace)
      if (names.join('\n') === shown) return
      shown = names.join('\n')
      select.replaceChildren(
        el('option', { value: '' }, i18n.t('namespace.all')),
        ...names.map((name) => el('option', { value: name }, name)),
      )
      select.value = filter.namespace
    },
  }
}

/**
 * @param {string} a
 * @param {string} b
 */
export function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0
}
