import { el, icon } from './dom.js'

const SHOWN_MS = 6_000

/** @type {HTMLElement | undefined} */
let region

/** The live region must be there before it speaks. To be called once, when the page starts. */
export function mountNotices() {
  region = el('div', { class: 'notices', role: 'status', 'aria-live': 'polite' })
  document.body.append(region)
}

/**
 * Says what happened, on the screen and to a screen reader.
 *
 * @param {string} text
 * @param {'done' | 'failed'} [kind] a failure stays until it is closed
 * @param {string} [closeLabel]
 */
export function notify(text, kind = 'done', closeLabel = 'Close') {
  const item = el(
    'div',
    { class: `notice ${kind}` },
    icon(kind === 'done' ? 'check' : 'warning'),
    el('span', {}, text),
    el(
      'button',
      { class: 'button quiet square', type: 'button', 'aria-label': closeLabel, onclick: () => item.remove() },
      icon('close'),
    ),
  )
  // The top layer of an open dialog hides what is outside of it.
  const dialog = document.querySelector('dialog[open]')
  if (dialog && kind === 'failed') {
    item.setAttribute('role', 'alert')
    dialog.querySelector('.dialog-body')?.append(item)
  } else {
    region?.append(item)
  }
  if (kind === 'done') setTimeout(() => item.remove(), SHOWN_MS)
}

/**
 * Tells a screen reader alone, for what the screen shows anyway.
 *
 * @param {string} text
 */
export function announce(text) {
  const item = el('span', { class: 'unseen' }, text)
  region?.append(item)
  setTimeout(() => item.remove(), SHOWN_MS)
}
