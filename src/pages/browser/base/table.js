import { el, fill } from './dom.js'

/**
 * A table that draws the rows in sight only: 10,000 cost what 30 do. Rows are as high as `--row` of base.css says, and kept by
 * their key, so that the focus and a selection survive an update.
 *
 * @template T
 * @typedef {object} Column
 * @property {string} title
 * @property {string} [class] of its cells; `number` aligns to the right
 * @property {string} [width] such as `12rem` or `20%`; what is left is shared
 * @property {(item: T) => import('./dom.js').Child | import('./dom.js').Child[]} cell
 */

/**
 * @template T
 * @typedef {object} TableOptions
 * @property {string} label for a screen reader
 * @property {Column<T>[]} columns
 * @property {(item: T) => string} key
 * @property {import('./dom.js').Child[]} [empty] shown in place of the rows
 * @property {(item: T) => string} [rowClass]
 */

/**
 * @template T
 * @typedef {object} VirtualTable
 * @property {HTMLElement} element
 * @property {(items: readonly T[]) => void} update
 */

const OVERSCAN = 6
/** A mark in the browser's timeline: how long the page took to have something to show. */
const FIRST_ROW = 'first-row'

/**
 * @template T
 * @param {TableOptions<T>} options
 * @returns {VirtualTable<T>}
 */
export function createTable({ label, columns, key, empty = [], rowClass = () => '' }) {
  /** @type {readonly T[]} */
  let items = []
  /** @type {Map<string, { row: HTMLTableRowElement, item: T }>} */
  let drawn = new Map()
  const above = el('tr', { class: 'spacer', 'aria-hidden': 'true' })
  const below = el('tr', { class: 'spacer', 'aria-hidden': 'true' })
  const body = el('tbody', {}, above, below)
  const cols = columns.map(({ width }) => {
    const col = el('col')
    if (width) col.style.width = width
    return col
  })
  const table = el(
    'table',
    { 'aria-label': label },
    el('colgroup', {}, cols),
    el(
      'thead',
      {},
      el(
        'tr',
        { 'aria-rowindex': 1 },
        columns.map((column) => el('th', { scope: 'col', class: column.class }, column.title)),
      ),
    ),
    body,
  )
  const nothing = el('div', { class: 'empty', hidden: true }, empty)
  const element = el('div', { class: 'table', tabindex: 0, role: 'region', 'aria-label': label }, table, nothing)

  /** @param {T} item */
  const cells = (item) =>
    columns.map((column) => el('td', { class: column.class, 'data-label': column.title }, column.cell(item)))

  /**
   * @param {T} item
   * @param {number} index
   */
  const rowOf = (item, index) => {
    const id = key(item)
    const known = drawn.get(id)
    const row = known?.row ?? el('tr')
    if (known?.item !== item) {
      // What had the focus is found again by its place in the row.
      const focused = controlsOf(row).findIndex((control) => control === document.activeElement)
      row.className = rowClass(item)
      fill(row, cells(item))
      if (focused >= 0) controlsOf(row)[focused]?.focus()
    }
    row.setAttribute('aria-rowindex', String(index + 2))
    return { row, item }
  }

  const draw = () => {
    const height = rowHeight(element)
    const first = Math.max(0, Math.floor(element.scrollTop / height) - OVERSCAN)
    const last = Math.min(items.length, Math.ceil((element.scrollTop + element.clientHeight) / height) + OVERSCAN)
    /** @type {typeof drawn} */
    const now = new Map()
    /** @type {Node} */
    let after = above
    for (let index = first; index < last; index++) {
      const item = /** @type {T} */ (items[index])
      const entry = rowOf(item, index)
      now.set(key(item), entry)
      drawn.delete(key(item))
      if (after.nextSibling !== entry.row) body.insertBefore(entry.row, after.nextSibling)
      after = entry.row
    }
    for (const { row } of drawn.values()) row.remove()
    drawn = now
    above.style.height = `${first * height}px`
    below.style.height = `${(items.length - last) * height}px`
  }

  let asked = 0
  const drawSoon = () => {
    if (asked) return
    asked = requestAnimationFrame(() => {
      asked = 0
      draw()
    })
  }
  element.addEventListener('scroll', drawSoon, { passive: true })
  new ResizeObserver(drawSoon).observe(element)

  return {
    element,
    update(next) {
      items = next
      table.setAttribute('aria-rowcount', String(items.length + 1))
      nothing.hidden = items.length > 0
      draw()
      if (items.length > 0 && performance.getEntriesByName(FIRST_ROW).length === 0) performance.mark(FIRST_ROW)
    },
  }
}

/**
 * @param {HTMLElement} row
 * @returns {HTMLElement[]}
 */
function controlsOf(row) {
  return [...row.querySelectorAll('a, button')].filter((control) => control instanceof HTMLElement)
}

/** @param {HTMLElement} element */
function rowHeight(element) {
  return Number.parseFloat(getComputedStyle(element).getPropertyValue('--row')) || 44
}
