import { el, icon } from './dom.js'

/**
 * A modal dialog: the browser keeps the focus inside, and Escape closes it. The focus goes back to where it was.
 *
 * @typedef {object} DialogOptions
 * @property {string} title
 * @property {import('./dom.js').Child[]} body
 * @property {import('./dom.js').Child[]} [actions] buttons of the last line
 * @property {string} closeLabel
 * @property {boolean} [wide]
 * @property {() => void} [onClose]
 */

let lastId = 0

/**
 * @param {DialogOptions} options
 * @returns {{ element: HTMLDialogElement, close: () => void }}
 */
export function openDialog({ title, body, actions = [], closeLabel, wide = false, onClose = () => {} }) {
  const before = document.activeElement
  const id = `dialog-${++lastId}`
  const dialog = el(
    'dialog',
    { class: wide ? 'dialog wide' : 'dialog', 'aria-labelledby': id },
    el(
      'header',
      { class: 'dialog-head' },
      el('h2', { id }, title),
      el(
        'button',
        { class: 'button quiet square', type: 'button', 'aria-label': closeLabel, onclick: () => dialog.close() },
        icon('close'),
      ),
    ),
    el('div', { class: 'dialog-body' }, body),
    actions.length > 0 && el('footer', { class: 'dialog-actions' }, actions),
  )
  dialog.addEventListener('close', () => {
    dialog.remove()
    const back = before?.isConnected ? before : (sameControl(before) ?? document.querySelector('main'))
    if (back instanceof HTMLElement) back.focus()
    onClose()
  })
  document.body.append(dialog)
  dialog.showModal()
  const first = dialog.querySelector('[autofocus], .dialog-body input, .dialog-body select, .dialog-body textarea')
  if (first instanceof HTMLElement) first.focus()
  return { element: dialog, close: () => dialog.close() }
}

/**
 * What stands in the place of a control now: a change of its row, while the dialog was open, has drawn it anew.
 *
 * @param {Element | null} control
 */
function sameControl(control) {
  const label = control?.getAttribute('aria-label') ?? ''
  if (label === '') return undefined
  return [...document.querySelectorAll('a, button')].find((one) => one.getAttribute('aria-label') === label)
}
