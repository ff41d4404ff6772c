import { openDialog } from '../base/dialog.js'
import { el, fill, icon } from '../base/dom.js'
import { diffView } from './diff-view.js'
import { perform } from './failure.js'

/**
 * Shows what publishing would change, and whether services could read it; then publishes.
 *
 * @param {import('./types.d.ts').Context} context
 * @param {{ name: import('./types.d.ts').ConfigName, before: string, md5: string, content: string, format: string, title?: string }} draft
 *   `md5` of what the reader has seen, '' for a document that must be new
 * @returns {Promise<boolean>} true once it is published
 */
export async function publishDialog({ i18n, api }, { name, before, md5, content, format, title }) {
  const { t } = i18n
  const { problems } = await api.post('config/check', { content, format })
  const errors = problems.filter((/** @type {import('./types.d.ts').Problem} */ { level }) => level === 'error')
  return new Promise((resolve) => {
    let published = false
    const publish = async () => {
      const body = { ...name, content, format, md5 }
      published = await perform(
        i18n,
        () => api.post('config/publish', body),
        t('config.published', { dataId: name.dataId }),
      )
      if (published) dialog.close()
    }
    const verdict = el('div', { class: errors.length > 0 ? 'verdict bad' : 'verdict good' })
    fill(
      verdict,
      icon(errors.length > 0 ? 'warning' : 'check'),
      el(
        'div',
        {},
        errors.length > 0 ? t('check.refused') : t('check.fine', { format }),
        problems.map((/** @type {import('./types.d.ts').Problem} */ problem) =>
          el(
            'div',
            {},
            problem.line > 0 ? `${t('check.line', { line: problem.line, column: problem.column })} ` : '',
            problem.message,
          ),
        ),
      ),
    )
    const dialog = openDialog({
      title: title ?? t('config.publish-title', { dataId: name.dataId }),
      closeLabel: t('base.close'),
      wide: true,
      body: [verdict, diffView(i18n, before, content)],
      actions: [
        el(
          'button',
          { class: 'button', type: 'button', autofocus: errors.length > 0, onclick: () => dialog.close() },
          t('base.cancel'),
        ),
        el(
          'button',
          {
            class: errors.length > 0 ? 'button danger' : 'button primary',
            type: 'button',
            autofocus: errors.length === 0,
            onclick: publish,
          },
          t(errors.length > 0 ? 'config.publish-anyway' : 'config.publish-now'),
        ),
      ],
      onClose: () => resolve(published),
    })
  })
}
