import { el, fill } from '../base/dom.js'
import { duration, rate } from '../base/format.js'
import { card, chips, drawn, facts, pill } from './parts.js'
import { alertsCard, connectionsCard, guardCard, ownCard, processCard } from './cards.js'

/**
 * @typedef {import('../../status-report.js').StatusReport} Report
 * @typedef {import('../base/i18n.js').I18n} I18n
 */

/**
 * @param {I18n} i18n
 * @returns {import('./parts.js').View}
 */
export function createOverview(i18n) {
  const { t } = i18n
  const tiles = el('div', { class: 'tiles' })
  const parts = {
    ejected: el('div'),
    registration: el('div'),
    heartbeat: el('div'),
    registries: el('div'),
    guard: el('div'),
    connections: el('div'),
    own: el('div'),
    alerts: el('div'),
    process: el('div'),
  }
  const draw = {
    ejected: drawn(parts.ejected, (/** @type {{ at: string, ejected: Report['ejected'] }} */ now) => [
      ejectedCard(i18n, now),
    ]),
    registration: drawn(parts.registration, (/** @type {Report['registration']} */ registration) => [
      registrationCard(i18n, registration),
    ]),
    registries: drawn(parts.registries, (/** @type {Report['registries']} */ registries) =>
      registries.map((registry) => registryCard(i18n, registry)),
    ),
    guard: drawn(parts.guard, (/** @type {Report['guard']} */ guard) => [guardCard(i18n, guard)]),
    connections: drawn(parts.connections, (/** @type {Report['connections']} */ connections) => [
      connectionsCard(i18n, connections),
    ]),
    own: drawn(parts.own, (/** @type {Pick<Report, 'hooks' | 'resources'>} */ own) => [ownCard(i18n, own)]),
    alerts: drawn(parts.alerts, (/** @type {Report['alerts']} */ alerts) => [alertsCard(i18n, alerts)]),
    process: drawn(parts.process, (/** @type {Report['process']} */ process) => [processCard(i18n, process)]),
  }
  const element = el(
    'div',
    { class: 'view' },
    tiles,
    parts.ejected,
    el('div', { class: 'columns' }, Object.values(parts).slice(1)),
  )
  return {
    element,
    update(report) {
      const { registration, registries, guard, connections, hooks, resources, alerts, process } = report
      const { heartbeat, ...rest } = registration
      fill(tiles, tilesOf(report))
      draw.ejected({ at: report.ejected.length > 0 ? report.at : '', ejected: report.ejected })
      draw.registration({ ...rest, heartbeat: { ...heartbeat, ageMs: undefined, lastAt: undefined } })
      fill(parts.heartbeat, heartbeatCard(i18n, heartbeat))
      draw.registries(registries)
      draw.guard(guard)
      draw.connections(connections)
      draw.own({ hooks, resources })
      draw.alerts(alerts)
      draw.process(process)
    },
  }

  /** @param {Report} report */
  function tilesOf({ registration, services, ejected, operations }) {
    const { registers, registered, heartbeat } = registration
    const sum = (/** @type {readonly number[]} */ values) => values.reduce((total, value) => total + value, 0)
    const callable = sum(services.map((service) => service.callable))
    const listed = sum(services.map((service) => service.instances))
    const served = operations.filter(({ kind }) => kind === 'server')
    const perSecond = rate(i18n, sum(served.map((operation) => operation.perSecond)))
    const failed = sum(operations.map(({ errors }) => errors))
    return [
      tile(t('tile.registered'), registered ? t('status.yes') : t('status.no'), registers && !registered ? 'bad' : ''),
      heartbeat.by === 'heartbeat' &&
        tile(
          t('tile.heartbeat'),
          heartbeat.ageMs === undefined ? '–' : t('heartbeat.ago', { time: duration(i18n, heartbeat.ageMs) }),
          heartbeat.failures > 0 ? 'bad' : '',
        ),
      tile(t('tile.callable'), `${i18n.number(callable)} / ${i18n.number(listed)}`, ''),
      tile(t('tile.ejected'), i18n.number(ejected.length), ejected.length > 0 ? 'bad' : ''),
      tile(t('tile.rate'), t('tile.perSecond', { n: perSecond }), ''),
      tile(t('tile.failed'), i18n.number(failed), failed > 0 ? 'warn' : ''),
    ]
  }
}

/** @param {string} label @param {string} value @param {'bad' | 'warn' | ''} kind */
function tile(label, value, kind) {
  return el('div', { class: `tile ${kind}` }, el('b', {}, value), label)
}

/** @param {I18n} i18n @param {{ at: string, ejected: Report['ejected'] }} now */
function ejectedCard(i18n, { at, ejected }) {
  const { t, number } = i18n
  if (ejected.length === 0) return el('p', { class: 'soft unseen' }, t('ejected.none'))
  return el(
    'section',
    { class: 'card padded part bad', 'aria-label': t('ejected.title') },
    el('h2', {}, t('ejected.title')),
    el(
      'ul',
      { class: 'rows' },
      ejected.map((one) =>
        el(
          'li',
          {},
          el('b', {}, one.service),
          el('span', { class: 'mono' }, one.instance),
          pill(t(`state.${one.state}`), one.state === 'draining' ? 'warn' : 'bad'),
          el('span', {}, whyOf(i18n, one)),
          el('span', { class: 'soft' }, t('status.pair', { name: t('ejected.until'), value: againOf(i18n, one, at) })),
          el('span', { class: 'soft' }, t('status.pair', { name: t('ejected.times'), value: number(one.ejections) })),
        ),
      ),
    ),
  )
}

/** @param {Pick<I18n, 't'>} i18n @param {Report['ejected'][number]} one */
function whyOf({ t }, { state, failures, connectFailures }) {
  if (state === 'draining') return t('ejected.draining')
  return connectFailures > 0 ? t('ejected.connect', { n: connectFailures }) : t('ejected.calls', { n: failures })
}

/** @param {I18n} i18n @param {Report['ejected'][number]} one @param {string} at */
function againOf(i18n, { state, until }, at) {
  if (state === 'probing') return i18n.t('ejected.now')
  if (until === undefined) return i18n.t('ejected.due')
  const leftMs = Math.max(0, Date.parse(until) - Date.parse(at))
  return i18n.t('ejected.in', { time: duration(i18n, leftMs) })
}

/** @param {I18n} i18n @param {Report['registration']} registration */
function registrationCard({ t, number }, { registers, phase, instance, addressReason, registerOn }) {
  const title = t('registration.title')
  const kinds = /** @type {const} */ ({
    registered: 'good',
    registering: 'warn',
    leaving: 'warn',
    left: 'bad',
    idle: '',
  })
  if (!registers) return card(title, el('p', { class: 'soft' }, t('registration.off')))
  return card(
    title,
    facts([
      [t('registration.state'), pill(t(`registration.${phase}`), kinds[phase])],
      instance
        ? [t('registration.service'), el('b', {}, instance.service)]
        : [t('registration.address'), t('registration.waiting')],
      instance && [t('registration.address'), el('span', { class: 'mono' }, addressOf(instance))],
      addressReason !== undefined && [t('registration.reason'), addressReason],
      instance && [t('registration.group'), instance.group],
      instance && [t('registration.namespace'), instance.namespace || t('status.public')],
      instance && [t('registration.cluster'), instance.cluster],
      instance && [t('registration.weight'), number(instance.weight)],
      instance && [
        t('registration.kind'),
        t(instance.ephemeral ? 'registration.ephemeral' : 'registration.persistent'),
      ],
      [t('registration.on'), t(`registration.on.${registerOn}`)],
      instance && Object.keys(instance.metadata).length > 0 && [t('registration.metadata'), chips(instance.metadata)],
    ]),
  )
}

/** @param {{ ip: string, port: number }} instance */
export function addressOf({ ip, port }) {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

/** @param {I18n} i18n @param {Report['registration']['heartbeat']} heartbeat */
function heartbeatCard(i18n, { by, intervalMs, lastAt, ageMs, failures, lastError }) {
  const { t, number } = i18n
  const last =
    ageMs === undefined || lastAt === undefined
      ? t('heartbeat.never')
      : `${i18n.time(Date.parse(lastAt))} (${t('heartbeat.ago', { time: duration(i18n, ageMs) })})`
  return card(
    t('heartbeat.title'),
    by === 'connection'
      ? el('p', {}, t('heartbeat.connection'))
      : facts([
          [t('heartbeat.last'), last],
          [t('heartbeat.every'), duration(i18n, intervalMs)],
          [t('heartbeat.failures'), failures > 0 ? pill(number(failures), 'bad') : number(failures)],
          lastError !== undefined && [t('heartbeat.error'), lastError],
        ]),
  )
}

/** @param {I18n} i18n @param {Report['registries'][number]} registry */
function registryCard({ t }, registry) {
  const { uses, server, servers, addressServer, protocol, connected, reason, updates } = registry
  return card(
    t('status.pair', {
      name: t('registry.title'),
      value: uses.map((use) => t(`registry.uses.${use}`)).join(t('status.and')),
    }),
    facts([
      [
        t('registry.server'),
        [
          el('span', { class: 'mono' }, server),
          ' ',
          pill(t(connected ? 'registry.connected' : 'registry.lost'), connected ? 'good' : 'bad'),
        ],
      ],
      servers.length > 1 && [t('registry.servers'), servers.join(', ')],
      addressServer !== undefined && ['endpoint', addressServer],
      [t('registry.protocol'), protocol],
      reason !== undefined && [t('registry.reason'), reason],
      updates !== undefined && [t('registry.updates'), updates],
    ]),
  )
}
