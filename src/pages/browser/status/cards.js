import { el } from '../base/dom.js'
import { card, facts, pill } from './parts.js'

/**
 * The smaller cards of the overview.
 *
 * @typedef {import('../../status-report.js').StatusReport} Report
 * @typedef {import('../base/i18n.js').I18n} I18n
 */

/** Addresses that are shown; a gateway calls many. */
const MAX_ADDRESSES = 12

/** @param {I18n} i18n @param {Report['guard']} guard */
export function guardCard(i18n, { enabled, mount, decidedBy, excludePaths, failOpen, counts }) {
  const { t, number } = i18n
  if (!enabled) return card(t('guard.title'), pill(t('guard.off'), 'warn'))
  const size = i18n.size(counts.bytes)
  return card(
    t('guard.title'),
    facts([
      [t('registration.state'), pill(t('guard.on'), 'good')],
      [t('guard.mount'), t(`guard.mount.${mount}`)],
      decidedBy !== undefined && [t('guard.by'), decidedBy === 'verify' ? t('guard.verify') : decidedBy],
      [
        t('guard.excludes'),
        excludePaths.length > 0
          ? excludePaths.map((path) => el('span', { class: 'chip', title: path }, path))
          : t('status.none'),
      ],
      [t('guard.cache'), t('guard.cached', { permits: counts.permits, refusals: counts.refusals, size })],
      [t('guard.pending'), number(counts.pending)],
      [t('guard.failOpen'), t(failOpen ? 'guard.lets' : 'guard.refuses')],
    ]),
  )
}

/** @param {I18n} i18n @param {Report['connections']} connections */
export function connectionsCard({ t, number }, { incoming, outgoing, managementPort }) {
  const more = outgoing.length - MAX_ADDRESSES
  return card(
    t('connections.title'),
    facts([
      [t('connections.incoming'), t('connections.counts', incoming)],
      managementPort !== undefined && [t('connections.management'), String(managementPort)],
      ...outgoing
        .slice(0, MAX_ADDRESSES)
        .map(
          ({ origin, open, inUse, waiting }) =>
            /** @type {const} */ ([
              origin.replace(/^http:\/\//, ''),
              t('connections.outgoing', { open, inUse, waiting }),
            ]),
        ),
      more > 0 && ['…', t('connections.more', { n: number(more) })],
    ]),
  )
}

/** @param {I18n} i18n @param {Pick<Report, 'hooks' | 'resources'>} own */
export function ownCard({ t }, { hooks, resources }) {
  if (hooks.length + resources.length === 0) return card(t('own.title'), el('p', { class: 'soft' }, t('own.none')))
  const kinds = /** @type {const} */ ({ waiting: '', running: 'accent', done: 'good', failed: 'bad' })
  return card(
    t('own.title'),
    el(
      'ul',
      { class: 'rows' },
      resources.map(({ name, status, reason, error, uses }) =>
        el(
          'li',
          {},
          el('b', {}, name),
          pill(status, status === 'UP' ? 'good' : 'bad'),
          el('span', { class: 'soft' }, t('own.resource', { n: uses })),
          (reason ?? error) !== undefined && el('span', {}, error ?? reason),
        ),
      ),
      hooks.map(({ name, at, state, error }) =>
        el(
          'li',
          {},
          el('b', {}, name),
          pill(t(`own.${state}`), kinds[state]),
          el('span', { class: 'soft' }, t(`own.${at}`)),
          error !== undefined && el('span', {}, error),
        ),
      ),
    ),
  )
}

/** @param {I18n} i18n @param {Report['alerts']} alerts */
export function alertsCard(i18n, { enabled, rules, current, recent }) {
  const { t } = i18n
  if (!enabled) return card(t('alerts.title'), el('p', { class: 'soft' }, t('alerts.off')))
  const over = recent
    .filter(({ status }) => status === 'resolved')
    .reverse()
    .slice(0, 5)
  const line = (/** @type {Report['alerts']['current'][number] | Report['alerts']['recent'][number]} */ one) => {
    const word = 'status' in one ? one.status : one.raised ? 'raised' : 'waiting'
    const kind = word === 'raised' ? 'bad' : word === 'resolved' ? 'good' : 'warn'
    return el(
      'li',
      {},
      el('b', {}, one.rule),
      pill(t(`alerts.${word}`), kind),
      el('span', { class: 'soft' }, i18n.time(Date.parse('at' in one ? one.at : one.since))),
      el('span', {}, one.message),
    )
  }
  return card(
    t('alerts.title'),
    facts([[t('alerts.rules'), rules.map((rule) => el('span', { class: 'chip', title: rule }, rule))]]),
    current.length > 0 ? el('ul', { class: 'rows' }, current.map(line)) : el('p', { class: 'soft' }, t('alerts.quiet')),
    over.length > 0 && el('h3', { class: 'soft' }, t('alerts.recent')),
    over.length > 0 && el('ul', { class: 'rows' }, over.map(line)),
  )
}

/** @param {I18n} i18n @param {Report['process']} process */
export function processCard(i18n, { pid, node, startedAt, production, profiles }) {
  const { t } = i18n
  return card(
    t('process.title'),
    facts([
      [t('process.pid'), String(pid)],
      ['Node.js', node],
      [t('process.started'), i18n.time(Date.parse(startedAt))],
      [t('process.mode'), t(production ? 'status.production' : 'status.development')],
      [t('process.profiles'), profiles.length > 0 ? profiles.join(', ') : t('status.none')],
    ]),
  )
}
