import { openDialog } from '../base/dialog.js'
import { el, setText } from '../base/dom.js'
import { notify } from '../base/notice.js'
import { createTable } from '../base/table.js'
import { keepSame, matches, valueText } from '../base/format.js'
import { drawn, facts, pill, searchBox } from './parts.js'

/**
 * @typedef {import('../../status-report.js').StatusReport} Report
 * @typedef {Report['config']['keys'][number]} Key
 * @typedef {import('../../config-report.js').OriginReport} Origin
 * @typedef {import('../../config-report.js').ExplanationReport} Explanation
 * @typedef {import('../base/i18n.js').I18n} I18n
 */

const KINDS = /** @type {const} */ ({
  loaded: 'good',
  absent: '',
  deleted: 'warn',
  failed: 'bad',
  snapshot: 'warn',
  pending: '',
})

/**
 * @param {I18n} i18n
 * @returns {import('./parts.js').View}
 */
export function createConfig(i18n) {
  const { t } = i18n
  /** @type {Key[]} */
  let keys = []
  let search = ''
  const documents = el('ul', { class: 'rows card padded' })
  const drawDocuments = drawn(documents, (/** @type {Report['config']['documents']} */ all) => {
    if (all.length === 0) return [el('li', { class: 'soft' }, t('config.documents.none'))]
    return all.map(({ dataId, group, refresh, state, md5 }) =>
      el(
        'li',
        {},
        el('b', {}, dataId),
        el('span', { class: 'soft' }, group),
        pill(t(`config.${state}`), KINDS[state]),
        el('span', { class: 'soft' }, t(refresh ? 'config.refresh' : 'config.once')),
        md5 !== undefined && el('span', { class: 'soft mono' }, `MD5 ${md5.slice(0, 8)}`),
      ),
    )
  })
  const omitted = el('p', { class: 'soft', hidden: true })
  const table = createTable({
    label: t('config.keys'),
    key: (/** @type {Key} */ { key }) => key,
    empty: [t('config.none')],
    columns: [
      {
        title: t('config.key'),
        width: '36%',
        class: 'mono',
        cell: ({ key }) =>
          el('button', { class: 'link', type: 'button', title: key, onclick: () => void explain(i18n, key) }, key),
      },
      {
        title: t('config.value'),
        class: 'mono',
        cell: ({ value }) => el('span', { title: valueText(value) }, valueText(value)),
      },
      {
        title: t('config.origin'),
        width: '26%',
        cell: (key) => el('span', { title: placeOf(i18n, key) }, placeOf(i18n, key)),
      },
    ],
  })
  const draw = () =>
    table.update(keys.filter(({ key, value, document }) => matches(`${key} ${valueText(value)} ${document}`, search)))

  return {
    element: el(
      'div',
      { class: 'view' },
      el('h2', {}, t('config.documents')),
      documents,
      el(
        'div',
        { class: 'toolbar' },
        el('h2', {}, t('config.keys')),
        el('span', { class: 'grow' }),
        searchBox(i18n, (text) => {
          search = text
          draw()
        }),
      ),
      table.element,
      omitted,
    ),
    update({ config }) {
      drawDocuments(config.documents)
      keys = keepSame(keys, config.keys, ({ key }) => key)
      omitted.hidden = config.omitted === 0
      setText(omitted, t('config.omitted', { n: config.omitted }))
      draw()
    },
  }
}

/** @param {I18n} i18n @param {Origin} origin */
function placeOf({ t }, { layer, document, line }) {
  if (line !== undefined) return t('config.place', { document, line: String(line) })
  return layer === 'environment' ? document : t(`config.${layer}`)
}

/** Why a key has its value. @param {I18n} i18n @param {string} key */
async function explain(i18n, key) {
  const { t } = i18n
  try {
    const url = new URL('../config.json', import.meta.url)
    url.searchParams.set('key', key)
    const response = await fetch(url, { cache: 'no-store' })
    if (!response.ok) throw new Error(`${response.status}`)
    /** @type {Explanation} */
    const { value, origin, shadows } = await response.json()
    openDialog({
      title: t('config.explain', { key }),
      closeLabel: t('base.close'),
      body: [
        facts([
          [t('config.value'), el('code', {}, valueText(value))],
          origin && [t('config.origin'), placeOf(i18n, origin)],
          origin && [t('config.layer'), t(`config.${origin.layer}`)],
        ]),
        shadows.length > 0 && el('h3', {}, t('config.shadows')),
        shadows.length > 0 &&
          el(
            'ul',
            { class: 'rows' },
            shadows.map((shadow) =>
              el(
                'li',
                {},
                el('code', {}, valueText(shadow.value)),
                el('span', { class: 'soft' }, placeOf(i18n, shadow)),
              ),
            ),
          ),
      ],
    })
  } catch {
    notify(t('base.lost'), 'failed', t('base.close'))
  }
}
