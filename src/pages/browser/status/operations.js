import { el } from '../base/dom.js'
import { createTable } from '../base/table.js'
import { duration, keepSame, matches, rate } from '../base/format.js'
import { choice, pill, searchBox } from './parts.js'

/** @typedef {import('../../status-report.js').StatusReport['operations'][number]} Operation */

const KINDS = ['server', 'client', 'resolve', 'config', 'auth', 'timer', 'event', 'rpc', 'custom']

/** @type {Record<string, (one: Operation, other: Operation) => number>} */
const ORDERS = {
  count: (one, other) => other.count - one.count,
  p99: (one, other) => other.p99 - one.p99,
  errors: (one, other) => other.errors - one.errors,
  name: (one, other) => one.name.localeCompare(other.name),
}

/**
 * @param {import('../base/i18n.js').I18n} i18n
 * @returns {import('./parts.js').View}
 */
export function createOperations(i18n) {
  const { t, number } = i18n
  /** @type {Operation[]} */
  let operations = []
  let search = ''
  let kind = ''
  let order = 'count'
  const table = createTable({
    label: t('view.operations'),
    key: (/** @type {Operation} */ one) => `${one.kind} ${one.name}`,
    empty: [t('operations.empty')],
    columns: [
      { title: t('operations.kind'), width: '11%', cell: (one) => pill(t(`operations.${one.kind}`)) },
      { title: t('operations.name'), class: 'mono', cell: ({ name }) => el('span', { title: name }, name) },
      {
        title: t('operations.rate'),
        width: '9%',
        class: 'number',
        cell: ({ perSecond }) => rate(i18n, perSecond),
      },
      { title: t('operations.count'), width: '9%', class: 'number', cell: ({ count }) => number(count) },
      {
        title: t('operations.errors'),
        width: '9%',
        class: 'number',
        cell: ({ errors }) => (errors > 0 ? pill(number(errors), 'bad') : number(errors)),
      },
      { title: 'p50', width: '8%', class: 'number', cell: ({ p50 }) => duration(i18n, p50) },
      { title: 'p99', width: '8%', class: 'number', cell: ({ p99 }) => duration(i18n, p99) },
      { title: t('operations.max'), width: '8%', class: 'number', cell: ({ max }) => duration(i18n, max) },
      {
        title: t('operations.last'),
        width: '17%',
        class: 'mono',
        cell: ({ lastError }) => (lastError === undefined ? '' : el('span', { title: lastError }, lastError)),
      },
    ],
  })

  function draw() {
    const shown = operations.filter((one) => (kind === '' || one.kind === kind) && matches(one.name, search))
    table.update(shown.sort(ORDERS[order]))
  }

  return {
    element: el(
      'div',
      { class: 'view' },
      el(
        'div',
        { class: 'toolbar' },
        choice(
          t('operations.kind'),
          [['', t('operations.kinds')], ...KINDS.map((each) => /** @type {const} */ ([each, t(`operations.${each}`)]))],
          (chosen) => {
            kind = chosen
            draw()
          },
        ),
        choice(
          t('operations.sort'),
          [
            ['count', t('operations.count')],
            ['p99', 'p99'],
            ['errors', t('operations.errors')],
            ['name', t('operations.name')],
          ].map(
            ([value, by]) =>
              /** @type {const} */ ([
                String(value),
                t('status.pair', { name: t('operations.sort'), value: String(by) }),
              ]),
          ),
          (chosen) => {
            order = chosen
            draw()
          },
        ),
        el('span', { class: 'grow' }),
        searchBox(i18n, (text) => {
          search = text
          draw()
        }),
      ),
      table.element,
    ),
    update(report) {
      operations = keepSame(operations, report.operations, (one) => `${one.kind} ${one.name}`)
      draw()
    },
  }
}
