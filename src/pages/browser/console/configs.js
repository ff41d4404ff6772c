import { el, icon, setText } from '../base/dom.js'
import { createTable } from '../base/table.js'
import { compare, namespaceBox, searchBox } from './filters.js'
import { linkToConfig } from './links.js'
import { configKey } from './registry.js'

/** @typedef {import('./types.d.ts').ConfigRow} ConfigRow */

const SEARCH_AFTER_MS = 250

/**
 * @param {import('./types.d.ts').Context} context
 * @returns {import('./types.d.ts').View}
 */
export function createConfigs(context) {
  const { i18n, registry, filter, api } = context
  const { t, number } = i18n
  /** Documents that hold the searched text. @type {Set<string>} */
  let holding = new Set()
  let asked = 0
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  const search = searchBox(i18n, t('configs.search'), () => {
    update()
    clearTimeout(timer)
    timer = setTimeout(() => void searchContent().catch(() => {}), SEARCH_AFTER_MS)
  })
  const namespace = namespaceBox(context, () => update())
  const shown = el('span', { class: 'soft', role: 'status' })

  const searchContent = async () => {
    const own = ++asked
    const wanted = search.text()
    const { found } = wanted === '' ? { found: [] } : await api.get('config/search', { text: wanted })
    if (own !== asked) return
    holding = new Set(found.map(configKey))
    update()
  }

  const table = createTable({
    label: t('nav.configs'),
    key: configKey,
    empty: [el('p', {}, t('configs.none')), el('p', {}, t('configs.none.hint'))],
    columns: [
      {
        title: t('config.data-id'),
        cell: (/** @type {ConfigRow} */ row) => el('a', { href: linkToConfig(row), title: row.dataId }, row.dataId),
      },
      { title: t('group'), width: '17%', cell: ({ group }) => el('span', { title: group }, group) },
      { title: t('namespace'), width: '13%', cell: ({ namespace: name }) => el('span', { title: name }, name) },
      { title: t('config.format'), width: '110px', cell: ({ type }) => el('span', { class: 'pill' }, type) },
      { title: t('config.size'), width: '100px', class: 'number', cell: ({ bytes }) => i18n.size(bytes) },
      { title: t('config.versions'), width: '100px', class: 'number', cell: ({ versions }) => number(versions) },
      { title: t('listeners'), width: '100px', class: 'number', cell: ({ listeners }) => number(listeners) },
      { title: t('config.when'), width: '190px', cell: ({ modifiedMs }) => i18n.time(modifiedMs) },
    ],
  })

  const update = () => {
    namespace.update()
    const wanted = search.text()
    const rows = [...registry.configs.values()]
      .filter((row) => filter.namespace === '' || row.namespace === filter.namespace)
      .filter((row) => `${row.dataId}\n${row.group}`.toLowerCase().includes(wanted) || holding.has(configKey(row)))
      .sort((a, b) => compare(a.dataId, b.dataId) || compare(a.group, b.group) || compare(a.namespace, b.namespace))
    table.update(rows)
    setText(shown, t('configs.count', { n: rows.length }))
  }

  const element = el(
    'div',
    { class: 'view' },
    el(
      'div',
      { class: 'heading' },
      el('h1', {}, t('nav.configs')),
      el('span', { class: 'grow' }),
      el('a', { class: 'button primary', href: '#/configs/new' }, icon('plus'), t('configs.new')),
    ),
    el('div', { class: 'toolbar' }, search.element, namespace.element, el('span', { class: 'grow' }), shown),
    table.element,
  )
  return { title: t('nav.configs'), element, update, close: () => clearTimeout(timer) }
}
