import { el } from '../base/dom.js'
import { createTable } from '../base/table.js'
import { namespacesOf } from './frame.js'

/** @typedef {{ name: string, services: number, instances: number, configs: number, clients: number }} Row */

/**
 * The namespaces that anything is in: the embedded registry keeps no list of its own, a name is enough.
 *
 * @param {import('./types.d.ts').Context} context
 * @returns {import('./types.d.ts').View}
 */
export function createNamespaces({ i18n, registry, filter }) {
  const { t, number } = i18n
  /** @type {(name: string, part: string, count: number) => HTMLElement} */
  const link = (name, part, count) =>
    el(
      'a',
      { href: `#/${part}`, onclick: () => void (filter.namespace = name) },
      number(count),
      el('span', { class: 'unseen' }, ` ${t(`nav.${part}`)}, ${name}`),
    )
  const table = createTable({
    label: t('nav.namespaces'),
    key: (/** @type {Row} */ { name }) => name,
    columns: [
      { title: t('namespace'), cell: ({ name }) => el('span', { title: name }, name) },
      {
        title: t('nav.services'),
        width: '15%',
        class: 'number',
        cell: ({ name, services }) => link(name, 'services', services),
      },
      { title: t('services.instances'), width: '15%', class: 'number', cell: ({ instances }) => number(instances) },
      {
        title: t('nav.configs'),
        width: '15%',
        class: 'number',
        cell: ({ name, configs }) => link(name, 'configs', configs),
      },
      { title: t('nav.clients'), width: '15%', class: 'number', cell: ({ clients }) => number(clients) },
    ],
  })
  return {
    title: t('nav.namespaces'),
    element: el(
      'div',
      { class: 'view' },
      el('div', {}, el('h1', {}, t('nav.namespaces')), el('p', { class: 'soft' }, t('namespaces.hint'))),
      table.element,
    ),
    update() {
      const services = [...registry.services.values()]
      const configs = [...registry.configs.values()]
      table.update(
        namespacesOf(registry).map((name) => {
          const own = services.filter(({ namespace }) => namespace === name)
          return {
            name,
            services: own.length,
            instances: own.reduce((sum, { instances }) => sum + instances, 0),
            configs: configs.filter(({ namespace }) => namespace === name).length,
            clients: registry.clients().filter(({ namespace }) => (namespace || 'public') === name).length,
          }
        }),
      )
    },
  }
}
