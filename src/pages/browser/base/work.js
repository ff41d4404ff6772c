import { el } from './dom.js'
import { duration } from './format.js'
import { createTable } from './table.js'

/**
 * Tables of work that no request began: of the status page and of the console.
 *
 * @typedef {import('./i18n.js').I18n} I18n
 * @typedef {import('../../work-report.js').TimerReport} TimerReport
 * @typedef {import('../../work-report.js').EventsReport} EventsReport
 * @typedef {TimerReport & { at: string, instance?: string }} TimerRow `at`: when the report was made
 * @typedef {EventsReport['handlers'][number] & { bus: string, instance?: string }} HandlerRow
 */

/** @type {import('./i18n.js').Words} */
export const WORK_WORDS = {
  'timers.title': ['Timers', '定时任务'],
  'timers.none': ['The app has no timer (sidecar.timer).', '应用没有定时任务（sidecar.timer）。'],
  'timers.name': ['Timer', '定时任务'],
  'timers.schedule': ['Schedule', '计划'],
  'timers.on': ['Runs on', '运行于'],
  'timers.on.each': ['every instance', '每个实例'],
  'timers.on.one': ['one instance', '一个实例'],
  'timers.next': ['Next', '下一次'],
  'timers.in': ['in {time}', '{time} 后'],
  'timers.never': ['none', '无'],
  'timers.last': ['Last run', '最近一次'],
  'timers.took': ['{time}, took {took}', '{time}，耗时 {took}'],
  'timers.not-yet': ['not yet', '尚未运行'],
  'timers.running': ['running', '运行中'],
  'timers.running.more': ['{n} running', '{n} 次运行中'],
  'timers.runs': ['Runs', '次数'],
  'timers.failures': ['Failed', '失败'],
  'timers.skipped': ['Left out', '跳过'],
  'timers.error': ['Last error', '最近的错误'],
  'events.title': ['Handlers of events', '事件处理器'],
  'events.none': ['The app handles no event of another service.', '应用没有处理任何服务的事件。'],
  'events.event': ['Event', '事件'],
  'events.mode': ['Delivered to', '投递给'],
  'events.mode.pool': ['one instance', '一个实例'],
  'events.mode.singleton': ['one of all services', '所有服务中的一个'],
  'events.mode.broadcast': ['every instance', '每个实例'],
  'events.handler': ['Handler', '处理器'],
  'events.in-hand': ['In hand', '处理中'],
  'events.handled': ['Handled', '已处理'],
  'events.failed': ['Failed', '失败'],
  'events.retried': ['Again', '重试'],
  'events.buried': ['Dead letters', '死信'],
  'events.error': ['Last error', '最近的错误'],
  'events.broker': ['Broker', '消息代理'],
  'events.connected': ['connected', '已连接'],
  'events.lost': ['not connected', '未连接'],
  'events.emitted': ['Emitted', '已发出'],
  'events.not-emitted': ['{n} failed', '{n} 失败'],
  'work.instance': ['Instance', '实例'],
}

/** @param {string} text */
const titled = (text) => el('span', { title: text }, text)

/**
 * @param {I18n} i18n
 * @param {number} count
 */
export function failures({ number }, count) {
  return count > 0 ? el('span', { class: 'pill bad' }, number(count)) : number(count)
}

/** @param {I18n} i18n */
const instanceColumn = ({ t }) => ({
  title: t('work.instance'),
  width: '14%',
  class: 'mono',
  cell: (/** @type {{ instance?: string }} */ { instance }) => instance ?? '',
})

/**
 * @param {I18n} i18n
 * @param {{ instances?: boolean }} [options] `instances`: with a column for the instance
 */
export function timerTable(i18n, { instances = false } = {}) {
  const { t, number } = i18n
  return createTable({
    label: t('timers.title'),
    key: (/** @type {TimerRow} */ { instance, name }) => `${instance ?? ''} ${name}`,
    empty: [t('timers.none')],
    columns: [
      ...(instances ? [instanceColumn(i18n)] : []),
      { title: t('timers.name'), width: '15%', cell: ({ name }) => titled(name) },
      { title: t('timers.schedule'), width: '14%', class: 'mono', cell: ({ schedule }) => titled(schedule) },
      { title: t('timers.on'), width: '10%', cell: ({ on }) => t(`timers.on.${on}`) },
      { title: t('timers.next'), width: '9%', cell: (row) => nextOf(i18n, row) },
      { title: t('timers.last'), width: '16%', cell: (row) => lastOf(i18n, row) },
      { title: t('timers.runs'), width: '7%', class: 'number', cell: ({ runs }) => number(runs) },
      { title: t('timers.failures'), width: '7%', class: 'number', cell: (row) => failures(i18n, row.failures) },
      { title: t('timers.skipped'), width: '7%', class: 'number', cell: ({ skipped }) => number(skipped) },
      { title: t('timers.error'), cell: ({ lastError }) => lastError !== undefined && titled(lastError) },
    ],
  })
}

/**
 * @param {I18n} i18n
 * @param {{ instances?: boolean }} [options]
 */
export function handlerTable(i18n, { instances = false } = {}) {
  const { t, number } = i18n
  return createTable({
    label: t('events.title'),
    key: (/** @type {HandlerRow} */ { instance, bus, queue, handler }) =>
      JSON.stringify([instance, bus, queue, handler]),
    empty: [t('events.none')],
    columns: [
      ...(instances ? [instanceColumn(i18n)] : []),
      { title: t('events.event'), width: '17%', cell: ({ source, type }) => titled(`${source} ${type}`) },
      {
        title: t('events.handler'),
        width: '13%',
        class: 'mono',
        cell: ({ handler, queue }) => el('span', { title: queue }, handler),
      },
      { title: t('events.mode'), width: '12%', cell: ({ mode }) => t(`events.mode.${mode}`) },
      {
        title: t('events.in-hand'),
        width: '8%',
        class: 'number',
        cell: ({ inHand, concurrency }) => `${number(inHand)} / ${number(concurrency)}`,
      },
      { title: t('events.handled'), width: '8%', class: 'number', cell: ({ handled }) => number(handled) },
      { title: t('events.failed'), width: '7%', class: 'number', cell: ({ failed }) => failures(i18n, failed) },
      { title: t('events.retried'), width: '7%', class: 'number', cell: ({ retried }) => number(retried) },
      { title: t('events.buried'), width: '9%', class: 'number', cell: ({ buried }) => failures(i18n, buried) },
      { title: t('events.error'), cell: ({ lastError }) => lastError !== undefined && titled(lastError) },
    ],
  })
}

/**
 * What a bus says of its broker.
 *
 * @param {I18n} i18n
 * @param {EventsReport} bus
 */
export function brokerLine(i18n, { broker, emitted, emitFailures, lastEmitError }) {
  const { t, number } = i18n
  const { url, connected, lastError } = broker
  return el(
    'li',
    {},
    el('b', {}, t('events.broker')),
    el('span', { class: 'mono' }, url),
    el('span', { class: `pill ${connected ? 'good' : 'bad'}` }, t(connected ? 'events.connected' : 'events.lost')),
    !connected && lastError !== undefined && el('span', {}, lastError),
    el('span', { class: 'soft' }, `${t('events.emitted')} ${number(emitted)}`),
    emitFailures > 0 &&
      el('span', { class: 'pill bad', title: lastEmitError }, t('events.not-emitted', { n: emitFailures })),
  )
}

/** @param {I18n} i18n @param {TimerRow} row */
function nextOf(i18n, { nextAt, at }) {
  const { t } = i18n
  if (nextAt === undefined) return t('timers.never')
  const time = duration(i18n, Math.max(0, Date.parse(nextAt) - Date.parse(at)))
  return el('span', { title: i18n.time(Date.parse(nextAt)) }, t('timers.in', { time }))
}

/** @param {I18n} i18n @param {TimerRow} row */
function lastOf(i18n, { lastBeganAt, lastMs, running }) {
  const { t } = i18n
  if (running > 0) {
    return el(
      'span',
      { class: 'pill accent' },
      running > 1 ? t('timers.running.more', { n: running }) : t('timers.running'),
    )
  }
  if (lastBeganAt === undefined) return t('timers.not-yet')
  const time = i18n.time(Date.parse(lastBeganAt))
  return lastMs === undefined ? time : t('timers.took', { time, took: duration(i18n, lastMs) })
}
