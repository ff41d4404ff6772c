import { el, fill, icon, setText } from '../base/dom.js'
import { notify } from '../base/notice.js'
import { preferences } from '../base/theme.js'

const PARTS = /** @type {const} */ (['services', 'configs', 'clients', 'namespaces'])

/**
 * Bar, navigation and the place for a view.
 *
 * @param {import('./types.d.ts').Context} context
 * @param {{ logout: (() => void) | undefined }} options
 */
export function createFrame({ i18n, registry }, { logout }) {
  const { t } = i18n
  const main = el('main', { id: 'main', tabindex: -1 })
  const address = el('code')
  const state = el('span', { class: 'pill dot', 'data-live': true })
  const copy = async () => {
    await navigator.clipboard?.writeText(address.textContent ?? '')
    notify(t('base.copied'), 'done', t('base.close'))
  }
  const links = PARTS.map((part) => {
    const count = el('span', { class: 'count' })
    const link = el('a', { href: `#/${part}` }, icon(part), el('span', {}, t(`nav.${part}`)), count)
    return { part, link, count }
  })
  const element = el(
    'div',
    { class: 'frame' },
    el(
      'a',
      { class: 'skip', href: '#main', onclick: (/** @type {Event} */ event) => skip(event, main) },
      t('base.skip'),
    ),
    el(
      'header',
      { class: 'bar' },
      el('a', { class: 'brand', href: '#/services' }, 'nacos-sidecar', el('small', {}, t('brand'))),
      el(
        'span',
        { class: 'server' },
        el('span', { class: 'soft' }, 'server-addr'),
        address,
        el(
          'button',
          {
            class: 'button quiet square',
            type: 'button',
            'aria-label': t('address.copy'),
            title: t('address.copy'),
            onclick: copy,
          },
          icon('copy'),
        ),
      ),
      el('span', { class: 'grow' }),
      state,
      preferences(i18n),
      logout && el('button', { class: 'button quiet', type: 'button', onclick: logout }, icon('out'), t('login.out')),
    ),
    el(
      'nav',
      { class: 'side', 'aria-label': t('nav.label') },
      links.map(({ link }) => link),
    ),
    main,
  )

  return {
    element,
    /**
     * @param {import('./types.d.ts').View} view
     * @param {boolean} focus
     */
    show(view, focus) {
      fill(main, view.element)
      const part = /^#\/(\w+)/.exec(location.hash)?.[1] ?? 'services'
      for (const link of links) {
        if (link.part === part) link.link.setAttribute('aria-current', 'page')
        else link.link.removeAttribute('aria-current')
      }
      if (focus) main.focus({ preventScroll: true })
    },
    update() {
      const about = registry.about()
      setText(address, about?.address ?? '')
      const now = registry.state()
      state.className = `pill dot ${now === 'live' ? 'good' : now === 'lost' ? 'bad' : ''}`
      setText(state, t(now === 'live' ? 'base.live' : now === 'lost' ? 'base.lost' : 'base.connecting'))
      const counts = {
        services: registry.services.size,
        configs: registry.configs.size,
        clients: registry.clients().length,
        namespaces: namespacesOf(registry).length,
      }
      for (const { part, count } of links) setText(count, i18n.number(counts[part]))
    },
  }
}

/**
 * @param {Event} event
 * @param {HTMLElement} main
 */
function skip(event, main) {
  event.preventDefault()
  main.focus()
}

/**
 * Those that anything is in, `public` always and first.
 *
 * @param {import('./registry.js').Registry} registry
 * @returns {string[]}
 */
export function namespacesOf(registry) {
  const names = new Set([
    ...[...registry.services.values()].map(({ namespace }) => namespace),
    ...[...registry.configs.values()].map(({ namespace }) => namespace),
    ...registry.clients().map(({ namespace }) => namespace || 'public'),
  ])
  names.delete('public')
  return ['public', ...[...names].sort()]
}
