import { el, setText } from '../base/dom.js'
import { createTable } from '../base/table.js'
import { checkBox, compare, namespaceBox, searchBox } from './filters.js'
import { linkToService } from './links.js'
import { serviceKey } from './registry.js'

/** @typedef {import('./types.d.ts').ServiceRow} ServiceRow */

/**
 * @param {import('./types.d.ts').Context} context
 * @returns {import('./types.d.ts').View}
 */
export function createServices(context) {
  const { i18n, registry, filter } = context
  const { t, number } = i18n
  const search = searchBox(i18n, t('services.search'), () => update())
  const namespace = namespaceBox(context, () => update())
  const hideEmpty = checkBox(t('services.hide-empty'), () => update())
  const troubled = checkBox(t('services.troubled'), () => update())
  const shown = el('span', { class: 'soft', role: 'status' })

  const table = createTable({
    label: t('nav.services'),
    key: serviceKey,
    empty: [el('p', {}, t('services.none')), el('p', {}, t('services.none.hint'))],
    columns: [
      {
        title: t('service'),
        cell: (/** @type {ServiceRow} */ row) => el('a', { href: linkToService(row), title: row.name }, row.name),
      },
      { title: t('group'), width: '16%', cell: ({ group }) => el('span', { title: group }, group) },
      { title: t('namespace'), width: '13%', cell: ({ namespace: name }) => el('span', { title: name }, name) },
      { title: t('services.instances'), width: '130px', class: 'number', cell: (row) => health(row) },
      { title: t('state'), width: '200px', cell: (row) => states(row) },
      { title: t('services.clusters'), width: '14%', cell: ({ clusters }) => clusters.join(', ') },
      { title: t('subscribers'), width: '110px', class: 'number', cell: ({ subscribers }) => number(subscribers) },
    ],
  })

  /** @param {ServiceRow} row */
  const health = ({ serving, instances }) => `${number(serving)} / ${number(instances)}`
  /** @param {ServiceRow} row */
  const states = ({ instances, unhealthy, disabled, ephemeral }) => [
    instances === 0 && el('span', { class: 'pill' }, t('services.empty')),
    instances > 0 && unhealthy === 0 && disabled === 0 && el('span', { class: 'pill good dot' }, t('services.healthy')),
    unhealthy > 0 && el('span', { class: 'pill bad dot' }, t('services.unhealthy', { n: unhealthy })),
    unhealthy > 0 && disabled > 0 && ' ',
    disabled > 0 && el('span', { class: 'pill warn dot' }, t('services.disabled', { n: disabled })),
    !ephemeral && instances > 0 && ' ',
    !ephemeral && instances > 0 && el('span', { class: 'pill' }, t('persistent')),
  ]

  const update = () => {
    namespace.update()
    const wanted = search.text()
    const rows = [...registry.services.values()]
      .filter((row) => filter.namespace === '' || row.namespace === filter.namespace)
      .filter((row) => `${row.name}\n${row.group}`.toLowerCase().includes(wanted))
      .filter((row) => !hideEmpty.checked() || row.instances > 0)
      .filter((row) => !troubled.checked() || row.serving < row.instances || row.instances === 0)
      .sort((a, b) => compare(a.name, b.name) || compare(a.group, b.group) || compare(a.namespace, b.namespace))
    table.update(rows)
    setText(shown, t('services.count', { n: rows.length }))
  }

  const element = el(
    'div',
    { class: 'view' },
    el('h1', {}, t('nav.services')),
    el(
      'div',
      { class: 'toolbar' },
      search.element,
      namespace.element,
      hideEmpty.element,
      troubled.element,
      el('span', { class: 'grow' }),
      shown,
    ),
    table.element,
  )
  return { title: t('nav.services'), element, update }
}
