import { el } from '../base/dom.js'
import { diffLines } from './diff.js'

/** Unchanged lines that are shown around a change. */
const AROUND = 3

/**
 * The difference of two texts, line by line.
 *
 * @param {import('../base/i18n.js').I18n} i18n
 * @param {string} before
 * @param {string} after
 * @returns {HTMLElement}
 */
export function diffView({ t }, before, after) {
  const lines = diffLines(before, after)
  const changed = lines.flatMap(({ kind }, index) => (kind === 'same' ? [] : [index]))
  const added = lines.filter(({ kind }) => kind === 'new').length
  const gone = lines.filter(({ kind }) => kind === 'gone').length
  if (changed.length === 0) return el('p', { class: 'soft' }, t('diff.none'))

  const near = new Set(
    changed.flatMap((index) => Array.from({ length: 2 * AROUND + 1 }, (_, at) => index + at - AROUND)),
  )
  /** @type {HTMLElement[]} */
  const rows = []
  let hidden = 0
  const skipped = () => {
    if (hidden > 0) rows.push(el('div', { class: 'diff-skip' }, t('diff.same', { n: hidden })))
    hidden = 0
  }
  lines.forEach((line, index) => {
    if (!near.has(index)) return void hidden++
    skipped()
    const sign = line.kind === 'new' ? '+' : line.kind === 'gone' ? '−' : ''
    rows.push(
      el(
        'div',
        { class: `diff-line ${line.kind}` },
        el('span', { class: 'diff-number', 'aria-hidden': 'true' }, line.before ?? ''),
        el('span', { class: 'diff-number', 'aria-hidden': 'true' }, line.after ?? ''),
        el('span', { class: 'diff-sign', 'aria-hidden': 'true' }, sign),
        sign !== '' && el('span', { class: 'unseen' }, t(`diff.${line.kind}`)),
        el('code', {}, line.text),
      ),
    )
  })
  skipped()
  return el(
    'div',
    { class: 'stack' },
    el(
      'p',
      { class: 'soft' },
      el('span', { class: 'plus' }, `+${added}`),
      ' ',
      el('span', { class: 'minus' }, `−${gone}`),
      ' ',
      t('diff.lines'),
    ),
    el('div', { class: 'diff', role: 'region', tabindex: 0, 'aria-label': t('diff.title') }, rows),
  )
}
