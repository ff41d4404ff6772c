import { el, fill, setText } from '../base/dom.js'
import { brokerLine, handlerTable, timerTable } from '../base/work.js'
import { failure } from './failure.js'
import { serviceKey } from './registry.js'

/** @typedef {import('./types.d.ts').WorkRow} WorkRow */

const INTERVAL_MS = 2_000

/**
 * Timers and queues of the instances of a service, as they say themselves: the registry asks them.
 *
 * @param {import('./types.d.ts').Context} context
 * @param {import('./types.d.ts').ServiceName} service
 */
export function createWork({ i18n, api }, service) {
  const { t } = i18n
  const timers = timerTable(i18n, { instances: true })
  const handlers = handlerTable(i18n, { instances: true })
  const brokers = el('ul', { class: 'rows' })
  const unread = el('ul', { class: 'rows' })
  const failed = el('p', { role: 'status' })
  const ofEvents = el('div', { class: 'stack' }, el('h2', {}, t('work.handlers')), brokers, handlers.element)
  const element = el(
    'div',
    { class: 'stack work' },
    el('p', { class: 'soft' }, t('work.asked')),
    failed,
    el('h2', {}, t('timers.title')),
    timers.element,
    ofEvents,
    unread,
  )
  let shown = ''
  let closed = false
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer

  /** @param {{ instances: WorkRow[], omitted: number }} now */
  const draw = ({ instances, omitted }) => {
    timers.update(
      instances.flatMap(({ instance, at = '', timers: own = [] }) => own.map((one) => ({ ...one, instance, at }))),
    )
    const buses = instances.flatMap(({ instance, events = [] }) => events.map((bus) => ({ instance, bus })))
    ofEvents.hidden = buses.length === 0
    handlers.update(
      buses.flatMap(({ instance, bus }) => bus.handlers.map((one) => ({ ...one, instance, bus: bus.broker.url }))),
    )
    const rest = JSON.stringify([buses, instances.map(({ instance, why, detail }) => [instance, why, detail]), omitted])
    // A link that has the focus must not be drawn anew.
    if (rest === shown) return
    shown = rest
    fill(
      brokers,
      buses.map(({ instance, bus }) => {
        const line = brokerLine(i18n, bus)
        line.prepend(el('span', { class: 'mono' }, instance))
        return line
      }),
    )
    fill(
      unread,
      instances.map(instanceLine),
      omitted > 0 && el('li', { class: 'soft' }, t('work.omitted', { n: omitted })),
    )
  }

  /** @param {WorkRow} row */
  const instanceLine = ({ instance, page, why, detail }) =>
    el(
      'li',
      {},
      el('span', { class: 'mono' }, instance),
      why !== undefined && el('span', { class: 'pill warn' }, t('work.unread')),
      why === 'elsewhere' ? el('span', {}, t('work.elsewhere')) : detail !== undefined && el('span', {}, detail),
      page !== undefined && el('a', { href: page, target: '_blank', rel: 'noreferrer noopener' }, t('work.page')),
    )

  const ask = async () => {
    try {
      if (!document.hidden) {
        const now = await api.get('work', { service: serviceKey(service) })
        if (closed) return
        draw(now)
        setText(failed, '')
      }
    } catch (error) {
      if (closed) return
      setText(failed, failure(i18n, error))
    }
    timer = setTimeout(ask, INTERVAL_MS)
  }

  return {
    element,
    start: () => void ask(),
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}
