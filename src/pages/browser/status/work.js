import { el } from '../base/dom.js'
import { brokerLine, handlerTable, timerTable } from '../base/work.js'
import { drawn } from './parts.js'

/** @typedef {import('../base/work.js').EventsReport} EventsReport */

/**
 * Work that no request began.
 *
 * @param {import('../base/i18n.js').I18n} i18n
 * @returns {import('./parts.js').View}
 */
export function createWork(i18n) {
  const { t } = i18n
  const timers = timerTable(i18n)
  const handlers = handlerTable(i18n)
  const brokers = el('ul', { class: 'rows' })
  const drawBrokers = drawn(brokers, (/** @type {readonly EventsReport[]} */ events) =>
    events.map((bus) => brokerLine(i18n, bus)),
  )
  const eventParts = [el('h2', {}, t('events.title')), brokers, handlers.element]
  return {
    element: el('div', { class: 'view' }, el('h2', {}, t('timers.title')), timers.element, ...eventParts),
    update({ at, timers: now, events }) {
      timers.update(now.map((timer) => ({ ...timer, at })))
      for (const part of eventParts) part.hidden = events.length === 0
      drawBrokers(events.map((bus) => ({ ...bus, handlers: [] })))
      handlers.update(events.flatMap(({ broker, handlers }) => handlers.map((one) => ({ ...one, bus: broker.url }))))
    },
  }
}
