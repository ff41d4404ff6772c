import { el, fill, icon, setText } from '../base/dom.js'
import { createI18n } from '../base/i18n.js'
import { announce, mountNotices } from '../base/notice.js'
import { applyTheme, preferences } from '../base/theme.js'
import { WORK_WORDS } from '../base/work.js'
import { createConfig } from './config.js'
import { pollReport } from './live.js'
import { createLog } from './log.js'
import { createOperations } from './operations.js'
import { createOverview } from './overview.js'
import { createServices } from './services.js'
import { createWork } from './work.js'
import { WORDS } from './words.js'

/**
 * @typedef {import('../../status-report.js').StatusReport} Report
 * @typedef {import('./parts.js').View} View
 * @typedef {import('./live.js').LiveState} LiveState
 */

const VIEWS = /** @type {const} */ ({
  overview: createOverview,
  services: createServices,
  operations: createOperations,
  work: createWork,
  config: createConfig,
  log: createLog,
})
/** @typedef {keyof typeof VIEWS} ViewName */

/** Where the JSON lies: beside this script's folder, whatever path a proxy puts before it. */
const BASE = new URL('..', import.meta.url)

const i18n = createI18n({ ...WORK_WORDS, ...WORDS })
const { t } = i18n
/** @type {Report | undefined} */
let report
/** @type {{ state: LiveState, reason: string }} */
let live = { state: 'connecting', reason: '' }
/** @type {View | undefined} */
let view
let ejected = 0

applyTheme()
mountNotices()

const name = el('small')
const phase = el('span', { class: 'pill dot' })
const mode = el('span', { class: 'pill' })
const state = el('span', { class: 'pill dot', role: 'status' })
const pause = el('button', { class: 'button', type: 'button', onclick: () => polling.pause(!polling.paused) })
const tabs = el('nav', { class: 'tabs' })
const main = el('main', { id: 'main', tabindex: -1 })
const bar = el('header', { class: 'bar' })
const skip = el('a', { class: 'skip', href: '#main', onclick: skipToMain })
document.body.prepend(skip, bar, tabs, main)

/** @param {Event} event */
function skipToMain(event) {
  event.preventDefault()
  main.focus()
}

/** @returns {ViewName} */
function current() {
  const asked = location.hash.slice(1)
  return asked in VIEWS ? /** @type {ViewName} */ (asked) : 'overview'
}

/** Everything, in the language of now. */
function drawPage() {
  skip.textContent = t('base.skip')
  fill(
    bar,
    el('div', { class: 'brand' }, el('span', {}, 'nacos-sidecar'), name),
    phase,
    mode,
    el('span', { class: 'grow' }),
    state,
    pause,
    el('a', { class: 'button quiet', href: new URL('status.json', BASE).pathname }, t('status.json')),
    preferences(i18n),
  )
  tabs.setAttribute('aria-label', t('status.views'))
  drawView()
  drawLive()
  if (report) drawBar(report)
}

function drawView() {
  const shown = current()
  fill(
    tabs,
    Object.keys(VIEWS).map((each) =>
      el('a', { href: `#${each}`, 'aria-current': each === shown && 'page' }, t(`view.${each}`)),
    ),
  )
  view = VIEWS[shown](i18n)
  fill(main, el('h1', { class: 'unseen' }, t(`view.${shown}`)), view.element)
  if (report) view.update(report)
}

/** @param {Report} now */
function drawBar(now) {
  setText(name, now.application ?? '')
  document.title = t('status.title', { name: now.application ?? 'nacos-sidecar' })
  phase.className = `pill dot ${now.phase === 'serving' ? 'good' : now.phase === 'left' ? 'bad' : 'warn'}`
  setText(phase, t(`phase.${now.phase}`))
  setText(mode, t(now.process.production ? 'status.production' : 'status.development'))
}

function drawLive() {
  const kinds = { connecting: '', live: 'good', paused: 'accent', lost: 'bad', refused: 'bad' }
  state.className = `pill dot ${kinds[live.state]}`
  const texts = {
    connecting: t('base.connecting'),
    live: t('base.live'),
    paused: t('status.paused'),
    lost: t('base.lost'),
    refused: t('status.refused', { reason: live.reason }),
  }
  setText(state, texts[live.state])
  const paused = live.state === 'paused'
  fill(pause, icon(paused ? 'play' : 'pause'), t(paused ? 'status.resume' : 'status.pause'))
}

/** @param {Report} now */
function onReport(now) {
  if (now.ejected.length > ejected) announce(t('ejected.announce', { n: now.ejected.length }))
  ejected = now.ejected.length
  report = now
  drawBar(now)
  view?.update(now)
}

const polling = pollReport({
  url: new URL('status.json', BASE).href,
  onReport,
  onState(now, reason) {
    if (now === live.state && reason === live.reason) return
    live = { state: now, reason }
    drawLive()
  },
})

i18n.onChange(drawPage)
addEventListener('hashchange', () => {
  if (location.hash.slice(1) in VIEWS) drawView()
})
drawPage()
