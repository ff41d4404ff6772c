import { el, fill, icon } from '../base/dom.js'

/**
 * @typedef {import('../base/dom.js').Child} Child
 * @typedef {import('../base/i18n.js').I18n} I18n
 */

/**
 * A view of the page: made once for a language, then fed with reports.
 *
 * @typedef {object} View
 * @property {HTMLElement} element
 * @property {(report: import('../../status-report.js').StatusReport) => void} update
 */

/**
 * A part that is drawn anew only where what it shows differs, so that a selection in it survives.
 *
 * @template T
 * @param {HTMLElement} element
 * @param {(value: T) => Child[]} draw
 * @returns {(value: T) => void}
 */
export function drawn(element, draw) {
  let last = ''
  return (value) => {
    const now = JSON.stringify(value)
    if (now === last) return
    last = now
    fill(element, draw(value))
  }
}

/**
 * @param {string} title
 * @param {...(Child | Child[])} children
 */
export function card(title, ...children) {
  return el('section', { class: 'card padded part', 'aria-label': title }, el('h2', {}, title), ...children)
}

/**
 * Names and values; those without a value are left out.
 *
 * @param {readonly (readonly [string, Child | Child[]] | false | undefined)[]} rows
 */
export function facts(rows) {
  return el(
    'dl',
    { class: 'facts' },
    rows.flatMap((row) => (row && row[1] !== undefined ? [el('dt', {}, row[0]), el('dd', {}, row[1])] : [])),
  )
}

/**
 * @param {string} text
 * @param {'good' | 'warn' | 'bad' | 'accent' | ''} [kind]
 */
export function pill(text, kind = '') {
  return el('span', { class: `pill ${kind}` }, text)
}

/**
 * What the sidecar itself adds comes last.
 *
 * @param {Readonly<Record<string, string>>} metadata
 */
export function chips(metadata) {
  const rank = (/** @type {[string, string]} */ [name]) => Number(name.startsWith('preserved.'))
  const sorted = Object.entries(metadata).sort((one, other) => rank(one) - rank(other))
  return sorted.map(([name, value]) => el('span', { class: 'chip', title: `${name}=${value}` }, `${name}=${value}`))
}

/**
 * @param {I18n} i18n
 * @param {(text: string) => void} onSearch gets it in lower case
 */
export function searchBox(i18n, onSearch) {
  const input = el('input', {
    type: 'search',
    placeholder: i18n.t('base.search'),
    'aria-label': i18n.t('base.search'),
    oninput: () => onSearch(input.value.trim().toLowerCase()),
  })
  return el('div', { class: 'search' }, icon('search'), input)
}

/**
 * @param {string} label
 * @param {readonly (readonly [value: string, text: string])[]} options
 * @param {(value: string) => void} onChoose
 */
export function choice(label, options, onChoose) {
  const select = el(
    'select',
    { 'aria-label': label, onchange: () => onChoose(select.value) },
    options.map(([value, text]) => el('option', { value }, text)),
  )
  return select
}
