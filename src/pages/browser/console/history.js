import { openDialog } from '../base/dialog.js'
import { el } from '../base/dom.js'
import { createTable } from '../base/table.js'
import { diffView } from './diff-view.js'
import { failure } from './failure.js'
import { publishDialog } from './publish.js'
import { notify } from '../base/notice.js'

/** @typedef {import('./types.d.ts').Version} Version */

/**
 * What a document was since the registry started, to compare and to restore.
 *
 * @param {import('./types.d.ts').Context} context
 * @param {import('./types.d.ts').ConfigName} name
 * @param {() => { content: string, md5: string }} current
 */
export function historyTable(context, name, current) {
  const { i18n, api } = context
  const { t } = i18n
  /** @param {Version} version */
  const read = async ({ version }) => (await api.get('config/version', { ...name, version: String(version) })).content

  /** @param {Version} version */
  const compare = async (version) => {
    const content = await read(version)
    const dialog = openDialog({
      title: t('history.compare-title', { version: version.version }),
      closeLabel: t('base.close'),
      wide: true,
      body: [diffView(i18n, content, current().content)],
      actions: [
        el(
          'button',
          { class: 'button', type: 'button', autofocus: true, onclick: () => dialog.close() },
          t('base.close'),
        ),
      ],
    })
  }
  /** @param {Version} version */
  const restore = async (version) => {
    const content = await read(version)
    const { content: before, md5 } = current()
    const title = t('history.restore-title', { version: version.version })
    await publishDialog(context, { name, before, md5, content, format: version.type, title })
  }
  /** @param {() => Promise<void>} act */
  const safely = (act) => act().catch((error) => notify(failure(i18n, error), 'failed', t('base.close')))

  return createTable({
    label: t('history'),
    key: (/** @type {Version} */ { version }) => String(version),
    empty: [el('p', {}, t('history.none'))],
    columns: [
      { title: t('history.version'), width: '80px', class: 'number', cell: ({ version }) => version },
      {
        title: t('history.what'),
        width: '150px',
        cell: ({ kind }) =>
          el(
            'span',
            { class: `pill ${kind === 'deleted' ? 'bad' : kind === 'published' ? 'accent' : ''}` },
            t(`history.${kind}`),
          ),
      },
      { title: t('config.when'), cell: ({ atMs }) => i18n.time(atMs) },
      { title: t('history.by'), width: '130px', cell: ({ by }) => el('span', { class: 'mono' }, by) },
      { title: t('config.format'), width: '90px', cell: ({ type }) => type },
      {
        title: t('config.size'),
        width: '100px',
        class: 'number',
        cell: ({ bytes, kind }) => (kind === 'deleted' ? '' : i18n.size(bytes)),
      },
      { title: 'MD5', width: '100px', cell: ({ md5 }) => el('span', { class: 'mono soft' }, md5.slice(0, 8)) },
      {
        title: t('actions'),
        width: '196px',
        class: 'actions',
        cell: (version) =>
          version.kind === 'deleted'
            ? ''
            : version.md5 === current().md5
              ? el('span', { class: 'pill good' }, t('history.current'))
              : [
                  button(t('history.compare'), version, () => safely(() => compare(version))),
                  ' ',
                  button(t('history.restore'), version, () => safely(() => restore(version))),
                ],
      },
    ],
  })
}

/**
 * @param {string} label
 * @param {Version} version
 * @param {() => unknown} onclick
 */
function button(label, { version }, onclick) {
  return el('button', { class: 'button small', type: 'button', 'aria-label': `${label} ${version}`, onclick }, label)
}
