import { el } from '../base/dom.js'
import { matches } from '../base/format.js'
import { choice, searchBox } from './parts.js'

/** @typedef {import('../../status-report.js').StatusReport['log'][number]} Line */

const LEVELS = ['debug', 'info', 'warn', 'error']

/**
 * The last lines; a line stays the same element for as long as it is shown, so that a selection survives.
 *
 * @param {import('../base/i18n.js').I18n} i18n
 * @returns {import('./parts.js').View}
 */
export function createLog(i18n) {
  const { t } = i18n
  /** @type {readonly Line[]} */
  let lines = []
  /** @type {Map<string, HTMLElement>} */
  let drawnLines = new Map()
  let search = ''
  let level = 'debug'
  const list = el('ol', { class: 'log' })
  const nothing = el('p', { class: 'empty' }, t('log.none'))
  const box = el('div', { class: 'table', tabindex: 0, role: 'region', 'aria-label': t('log.lines') }, list, nothing)

  function draw() {
    const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8
    const shown = lines.filter(
      (line) => LEVELS.indexOf(line.level) >= LEVELS.indexOf(level) && matches(line.message, search),
    )
    /** @type {typeof drawnLines} */
    const now = new Map()
    /** @type {Map<string, number>} */
    const twins = new Map()
    for (const line of shown) {
      const text = `${line.time} ${line.level} ${line.message}`
      const twin = twins.get(text) ?? 0
      twins.set(text, twin + 1)
      const key = `${text} ${twin}`
      now.set(key, drawnLines.get(key) ?? lineOf(line))
    }
    for (const [key, element] of drawnLines) if (!now.has(key)) element.remove()
    let index = 0
    for (const element of now.values()) {
      if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null)
      index++
    }
    drawnLines = now
    nothing.hidden = shown.length > 0
    if (atEnd) box.scrollTop = box.scrollHeight
  }

  /** @param {Line} line */
  function lineOf({ time, level, message }) {
    return el(
      'li',
      { class: level },
      el('time', { datetime: time, class: 'soft' }, i18n.time(Date.parse(time))),
      el('b', {}, level.toUpperCase()),
      el('span', {}, message),
    )
  }

  return {
    element: el(
      'div',
      { class: 'view' },
      el(
        'div',
        { class: 'toolbar' },
        choice(
          t('log.level'),
          LEVELS.map((each) => /** @type {const} */ ([each, t('status.pair', { name: t('log.level'), value: each })])),
          (chosen) => {
            level = chosen
            draw()
          },
        ),
        el('span', { class: 'grow' }),
        searchBox(i18n, (text) => {
          search = text
          draw()
        }),
      ),
      box,
    ),
    update(report) {
      lines = report.log
      draw()
    },
  }
}
