import { el, setText } from '../base/dom.js'
import { createTable } from '../base/table.js'

/** @typedef {import('./types.d.ts').Client} Client */

/**
 * The clients that are connected by gRPC.
 *
 * @param {import('./types.d.ts').Context} context
 * @returns {import('./types.d.ts').View}
 */
export function createClients({ i18n, registry }) {
  const { t, number } = i18n
  const port = el('p', { class: 'soft' })
  const table = createTable({
    label: t('nav.clients'),
    key: (/** @type {Client} */ { id }) => id,
    empty: [el('p', {}, t('clients.none')), el('p', {}, t('clients.none.hint'))],
    columns: [
      {
        title: t('members.client'),
        cell: ({ clientVersion }) => el('span', { title: clientVersion }, clientVersion || t('members.unnamed')),
      },
      { title: t('address'), width: '16%', cell: ({ ip }) => el('span', { class: 'mono' }, ip) },
      { title: t('namespace'), width: '14%', cell: ({ namespace }) => namespace || 'public' },
      { title: t('clients.instances'), width: '120px', class: 'number', cell: ({ instances }) => number(instances) },
      { title: t('clients.services'), width: '120px', class: 'number', cell: ({ services }) => number(services) },
      { title: t('clients.configs'), width: '120px', class: 'number', cell: ({ configs }) => number(configs) },
      { title: t('clients.id'), width: '22%', cell: ({ id }) => el('span', { class: 'mono soft', title: id }, id) },
    ],
  })
  return {
    title: t('nav.clients'),
    element: el('div', { class: 'view' }, el('div', {}, el('h1', {}, t('nav.clients')), port), table.element),
    update() {
      const grpcPort = registry.about()?.grpcPort
      setText(port, grpcPort === undefined ? t('clients.off') : t('clients.port', { port: String(grpcPort) }))
      table.update(registry.clients())
    },
  }
}
