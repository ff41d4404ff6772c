import { el } from '../base/dom.js'
import { preferences } from '../base/theme.js'
import { failure } from './failure.js'

/**
 * @param {import('./types.d.ts').Context} context
 * @param {() => void} done
 * @returns {HTMLElement}
 */
export function createLogin({ i18n, api }, done) {
  const { t } = i18n
  const username = el('input', { id: 'username', autocomplete: 'username', required: true, autofocus: true })
  const password = el('input', { id: 'password', type: 'password', autocomplete: 'current-password', required: true })
  const button = el('button', { class: 'button primary', type: 'submit' }, t('login.submit'))
  const wrong = el('p', { class: 'wrong', role: 'alert' })
  const form = el(
    'form',
    {
      class: 'card login',
      async onsubmit(/** @type {Event} */ event) {
        event.preventDefault()
        button.disabled = true
        wrong.textContent = ''
        try {
          await api.login(username.value, password.value)
          done()
        } catch (error) {
          wrong.textContent = failure(i18n, error)
          password.value = ''
          password.focus()
        } finally {
          button.disabled = false
        }
      },
    },
    el('h1', {}, t('login.title')),
    el('p', { class: 'soft' }, t('login.hint')),
    el('div', { class: 'field' }, el('label', { for: 'username' }, t('login.username')), username),
    el('div', { class: 'field' }, el('label', { for: 'password' }, t('login.password')), password),
    wrong,
    button,
  )
  return el('main', { class: 'login-page', tabindex: -1 }, form, preferences(i18n))
}
