import { el } from '../base/dom.js'
import { createTable } from '../base/table.js'

/** @typedef {import('./types.d.ts').Member} Member */

/**
 * The clients that follow a service or a document.
 *
 * @param {import('../base/i18n.js').I18n} i18n
 * @param {string} label
 * @param {string} empty
 */
export function memberTable({ t }, label, empty) {
  return createTable({
    label,
    key: (/** @type {Member & { key?: string }} */ member) => JSON.stringify(member),
    empty: [el('p', {}, empty), el('p', {}, t('members.hint'))],
    columns: [
      { title: t('members.client'), cell: ({ client }) => client || t('members.unnamed') },
      { title: t('address'), width: '28%', cell: ({ address }) => el('span', { class: 'mono' }, address) },
      { title: t('members.via'), width: '18%', cell: ({ via }) => el('span', { class: 'pill' }, t(`via.${via}`)) },
      { title: t('services.clusters'), width: '18%', cell: ({ clusters }) => clusters || t('members.all') },
    ],
  })
}
