import { openDialog } from '../base/dialog.js'
import { el, icon } from '../base/dom.js'
import { perform } from './failure.js'
import { addressOf } from './service.js'

/**
 * @typedef {import('./types.d.ts').Context} Context
 * @typedef {import('./types.d.ts').ServiceName} ServiceName
 * @typedef {import('./types.d.ts').InstanceRow} InstanceRow
 */

/**
 * Weight and metadata of one instance, in a dialog.
 *
 * @param {Context} context
 * @param {ServiceName} service
 * @param {string} key
 */
export function editInstance({ i18n, registry, api }, service, key) {
  const { t } = i18n
  const row = registry.instances.get(key)
  if (!row) return
  const address = addressOf(row)
  const published = row.published?.metadata ?? row.metadata
  const weight = el('input', {
    id: 'weight',
    type: 'number',
    min: 0,
    max: 10_000,
    step: 'any',
    required: true,
    value: String(row.weight),
    autofocus: true,
    'aria-describedby': 'weight-hint',
  })
  const lines = el('div', { class: 'pairs' })
  for (const [name, value] of Object.entries(row.metadata)) lines.append(pair(t, name, value, name in published))

  const save = async () => {
    if (!form.reportValidity()) return
    const metadata = Object.fromEntries(
      [...lines.children].map((line) => [...line.querySelectorAll('input')].map((input) => input.value)),
    )
    const body = { ...service, ip: row.ip, port: row.port, weight: weight.valueAsNumber, metadata }
    if (await perform(i18n, () => api.post('instance', body), t('instance.saved', { address }))) dialog.close()
  }
  const reset = async () => {
    const body = { ...service, ip: row.ip, port: row.port }
    if (await perform(i18n, () => api.post('instance/reset', body), t('instance.was-reset', { address })))
      dialog.close()
  }
  const form = el(
    'form',
    {
      id: 'instance-form',
      class: 'stack',
      onsubmit(/** @type {Event} */ event) {
        event.preventDefault()
        void save()
      },
    },
    el(
      'div',
      { class: 'field' },
      el('label', { for: 'weight' }, t('weight')),
      weight,
      el('span', { id: 'weight-hint' }, t('weight.hint')),
    ),
    el(
      'fieldset',
      { class: 'field' },
      el('legend', {}, t('metadata')),
      lines,
      el(
        'button',
        {
          class: 'button small',
          type: 'button',
          onclick() {
            const line = pair(t, '', '', false)
            lines.append(line)
            line.querySelector('input')?.focus()
          },
        },
        icon('plus'),
        t('metadata.add'),
      ),
      el('span', {}, t('metadata.hint')),
    ),
  )
  const dialog = openDialog({
    title: t('instance.edit-title', { address }),
    closeLabel: t('base.close'),
    body: [form],
    actions: [
      row.published && el('button', { class: 'button quiet', type: 'button', onclick: reset }, t('instance.reset')),
      el('span', { class: 'grow' }),
      el('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t('base.cancel')),
      el('button', { class: 'button primary', type: 'submit', form: 'instance-form' }, t('instance.save')),
    ],
  })
}

/**
 * One line of metadata.
 *
 * @param {(key: string) => string} t
 * @param {string} name
 * @param {string} value
 * @param {boolean} own published by the instance itself: it cannot be taken away
 */
function pair(t, name, value, own) {
  const line = el(
    'div',
    { class: 'pair' },
    el('input', {
      value: name,
      required: true,
      readonly: own,
      'aria-label': t('metadata.key'),
      placeholder: t('metadata.key'),
      spellcheck: 'false',
    }),
    el('input', { value, 'aria-label': t('metadata.value'), placeholder: t('metadata.value'), spellcheck: 'false' }),
    el(
      'button',
      {
        class: 'button quiet square',
        type: 'button',
        disabled: own,
        'aria-label': own ? t('metadata.own') : `${t('metadata.remove')} ${name}`,
        title: own ? t('metadata.own') : t('metadata.remove'),
        onclick() {
          const next = line.nextElementSibling ?? line.previousElementSibling
          line.remove()
          next?.querySelector('input')?.focus()
        },
      },
      icon('close'),
    ),
  )
  return line
}

/**
 * Asks, and takes an instance out of the registry.
 *
 * @param {Context} context
 * @param {ServiceName} service
 * @param {InstanceRow} row
 */
export function deregister({ i18n, api }, service, row) {
  const { t } = i18n
  const address = addressOf(row)
  const go = async () => {
    const body = { ...service, ip: row.ip, port: row.port }
    if (await perform(i18n, () => api.post('instance/deregister', body), t('instance.gone', { address })))
      dialog.close()
  }
  const dialog = openDialog({
    title: t('instance.deregister-title', { address }),
    closeLabel: t('base.close'),
    body: [el('p', {}, t('instance.deregister-hint'))],
    actions: [
      el(
        'button',
        { class: 'button', type: 'button', autofocus: true, onclick: () => dialog.close() },
        t('base.cancel'),
      ),
      el('button', { class: 'button danger', type: 'button', onclick: go }, t('instance.deregister')),
    ],
  })
}
