import { el, setText } from '../base/dom.js'
import { createTable } from '../base/table.js'
import { keepSame, matches } from '../base/format.js'
import { addressOf } from './overview.js'
import { chips, pill, searchBox } from './parts.js'

/**
 * @typedef {import('../../status-report.js').StatusReport} Report
 * @typedef {Report['services'][number]} Service
 * @typedef {Service['list'][number] & { service: string, name: string }} Row
 * @typedef {import('../base/i18n.js').I18n} I18n
 */

const KINDS = /** @type {Record<string, 'good' | 'warn' | 'bad'>} */ ({
  callable: 'good',
  excluded: 'warn',
  draining: 'warn',
  ejected: 'bad',
  'probe-due': 'bad',
  probing: 'bad',
})

/** @param {Service} service */
const keyOf = ({ group, service }) => `${group}@@${service}`

/**
 * @param {I18n} i18n
 * @returns {import('./parts.js').View}
 */
export function createServices(i18n) {
  const { t, number } = i18n
  /** @type {Service[]} */
  let services = []
  /** @type {Row[]} */
  let rows = []
  let search = ''
  /** The service whose instances are shown; '' for all. */
  let chosen = ''

  const heading = el('h2', { id: 'instances' })
  const omitted = el('p', { class: 'soft' })
  const all = el('button', { class: 'button', type: 'button', onclick: () => choose('') }, t('services.all'))
  const followed = createTable({
    label: t('services.followed'),
    key: keyOf,
    empty: [t('services.empty')],
    columns: [
      {
        title: t('services.service'),
        width: '26%',
        cell: (service) =>
          el('button', { class: 'link', type: 'button', onclick: () => choose(keyOf(service)) }, service.service),
      },
      { title: t('services.group'), width: '18%', cell: ({ group }) => group },
      {
        title: t('services.instances'),
        width: '16%',
        class: 'number',
        cell: ({ callable, instances }) => `${number(callable)} / ${number(instances)}`,
      },
      { title: t('services.by'), width: '12%', cell: ({ by }) => t(`services.${by}`) },
      {
        title: t('services.from'),
        cell: ({ from, heldEmpty, failures, lastError }) => [
          from === 'snapshot' ? pill(t('services.snapshot'), 'warn') : t('services.registry'),
          heldEmpty && pill(t('services.held'), 'warn'),
          failures > 0 &&
            el(
              'span',
              { class: 'pill bad', title: lastError },
              t('status.pair', { name: t('services.failures'), value: failures }),
            ),
        ],
      },
    ],
  })
  const instances = createTable({
    label: t('services.list'),
    key: (/** @type {Row} */ row) => `${row.service} ${row.ip} ${row.port} ${row.cluster}`,
    empty: [t('services.none')],
    columns: [
      { title: t('services.service'), width: '18%', cell: ({ name }) => name },
      { title: t('services.address'), width: '19%', class: 'mono', cell: addressOf },
      { title: t('services.cluster'), width: '12%', cell: ({ cluster }) => cluster },
      { title: t('services.weight'), width: '9%', class: 'number', cell: ({ weight }) => number(weight) },
      { title: t('services.state'), width: '17%', cell: (row) => pill(stateOf(row), KINDS[row.state]) },
      { title: t('services.metadata'), cell: ({ metadata }) => chips(metadata) },
    ],
  })

  /** @param {Row} row */
  function stateOf({ state, healthy, enabled }) {
    if (state !== 'excluded') return t(`state.${state}`)
    return t(!enabled ? 'state.disabled' : !healthy ? 'state.unhealthy' : 'state.excluded')
  }

  /** @param {string} key */
  function choose(key) {
    chosen = key
    draw()
  }

  function draw() {
    const one = services.find((service) => keyOf(service) === chosen)
    const shown = one ? rows.filter(({ service }) => service === chosen) : rows
    const left = (one ? [one] : services).reduce((total, service) => total + service.omitted, 0)
    setText(heading, one ? t('services.of', { service: one.service }) : t('services.list'))
    all.hidden = one === undefined
    omitted.hidden = left === 0
    setText(omitted, t('services.omitted', { n: left }))
    instances.update(shown.filter((row) => matches(textOf(row), search)))
  }

  return {
    element: el(
      'div',
      { class: 'view' },
      el('h2', {}, t('services.followed')),
      followed.element,
      el(
        'div',
        { class: 'toolbar' },
        heading,
        all,
        el('span', { class: 'grow' }),
        searchBox(i18n, (text) => {
          search = text
          draw()
        }),
      ),
      instances.element,
      omitted,
    ),
    update(report) {
      services = keepSame(services, [...report.services], keyOf)
      const now = report.services.flatMap((service) =>
        service.list.map((instance) => ({ ...instance, service: keyOf(service), name: service.service })),
      )
      rows = keepSame(rows, now, (row) => `${row.service} ${addressOf(row)} ${row.cluster}`)
      followed.update(services)
      draw()
    },
  }

  /** @param {Row} row */
  function textOf(row) {
    return [row.name, addressOf(row), row.cluster, stateOf(row), ...Object.entries(row.metadata).flat()].join(' ')
  }
}
