import { el, fill } from '../base/dom.js'
import { createI18n } from '../base/i18n.js'
import { mountNotices } from '../base/notice.js'
import { applyTheme } from '../base/theme.js'
import { WORK_WORDS } from '../base/work.js'
import { createApi } from './api.js'
import { createFrame } from './frame.js'
import { createLogin } from './login.js'
import { createRegistry } from './registry.js'
import { viewOf } from './routes.js'
import { WORDS } from './words.js'

applyTheme()
const i18n = createI18n({ ...WORK_WORDS, ...WORDS })
const api = createApi(() => signIn())
const registry = createRegistry(api, { onChange: () => update(), onUnauthorized: () => signIn() })
/** @type {import('./types.d.ts').Context} */
const context = { i18n, api, registry, filter: { namespace: '' } }
const root = el('div', { class: 'root' })
document.body.append(root)
mountNotices()

/** @type {import('./types.d.ts').View | undefined} */
let view
/** @type {ReturnType<typeof createFrame> | undefined} */
let frame
let hash = location.hash
let withLogin = false
let signedIn = false

function signIn() {
  registry.end()
  api.logout()
  signedIn = false
  view?.close?.()
  view = undefined
  frame = undefined
  fill(root, createLogin(context, start))
}

function start() {
  signedIn = true
  draw()
}

/** Everything anew: at the start, and in another language. */
function draw() {
  frame = createFrame(context, { logout: withLogin ? signIn : undefined })
  fill(root, frame.element)
  show(false)
}

/** @param {boolean} focus after a step of the reader, the focus goes to the new content */
function show(focus) {
  view?.close?.()
  const { view: next, service } = viewOf(location.hash, context)
  view = next
  document.title = `${next.title} · nacos-sidecar dev`
  frame?.show(next, focus)
  registry.follow(service)
  update()
}

function update() {
  frame?.update()
  view?.update()
}

window.addEventListener('hashchange', () => {
  if (!signedIn || location.hash === hash) return
  if (view?.unsaved?.() && !window.confirm(i18n.t('config.leave'))) {
    history.replaceState(null, '', hash || '#')
    return
  }
  hash = location.hash
  show(true)
})
window.addEventListener('beforeunload', (event) => {
  if (view?.unsaved?.()) event.preventDefault()
})
i18n.onChange(() => (signedIn ? draw() : fill(root, createLogin(context, start))))

const { auth } = await api.get('state')
withLogin = auth
if (auth && !api.headers()['Authorization']) signIn()
else start()
