import { announce } from '../base/notice.js'
import { el, icon, setText } from '../base/dom.js'
import { createTable } from '../base/table.js'
import { checkBox, compare, searchBox } from './filters.js'
import { perform } from './failure.js'
import { deregister, editInstance } from './edit-instance.js'
import { linkTo } from './links.js'
import { memberTable } from './members.js'
import { instanceKey, serviceKey } from './registry.js'
import { createWork } from './work.js'

/** @typedef {import('./types.d.ts').InstanceRow} InstanceRow */

/**
 * One service: its instances, those that are told of its changes, or its timers and queues.
 *
 * @param {import('./types.d.ts').Context} context
 * @param {import('./types.d.ts').ServiceName} service
 * @param {string} [tab]
 * @returns {import('./types.d.ts').View}
 */
export function createService(context, service, tab = '') {
  const { i18n, registry, api } = context
  const { t, number } = i18n
  const home = ['services', service.namespace, service.group, service.name]
  const facts = el('p', { class: 'soft facts-line' })
  const remove = el(
    'button',
    {
      class: 'button danger',
      type: 'button',
      hidden: true,
      async onclick() {
        if (
          await perform(i18n, () => api.post('service/remove', service), t('service.removed', { name: service.name }))
        ) {
          location.hash = '#/services'
        }
      },
    },
    t('service.remove'),
  )
  const subscribers = memberTable(i18n, t('subscribers'), t('service.no-subscribers'))
  const counts = { instances: el('span', { class: 'count' }), subscribers: el('span', { class: 'count' }) }
  const list = instanceList(context, service)
  const work = tab === 'work' ? createWork(context, service) : undefined
  const body = work?.element ?? (tab === 'subscribers' ? subscribers.element : list.element)
  const missing = el('div', { class: 'card empty', hidden: true }, el('p', {}, t('service.gone')))

  const update = () => {
    const row = registry.services.get(serviceKey(service))
    missing.hidden = row !== undefined || !registry.ready()
    body.hidden = !missing.hidden
    remove.hidden = !row || row.instances > 0
    const parts = row
      ? [
          `${t('group')} ${row.group}`,
          `${t('namespace')} ${row.namespace}`,
          t('service.serving', { serving: row.serving, n: row.instances }),
          ...(row.protectThreshold > 0 ? [`${t('service.threshold')} ${row.protectThreshold}`] : []),
        ]
      : [`${t('group')} ${service.group}`, `${t('namespace')} ${service.namespace}`]
    setText(facts, parts.join(' · '))
    setText(counts.instances, number(registry.instances.size))
    setText(counts.subscribers, number(registry.subscribers().length))
    if (tab === 'subscribers') subscribers.update(registry.subscribers())
    else if (!work) list.update()
  }

  /** @type {(name: '' | 'subscribers' | 'work', label: string, count?: HTMLElement) => HTMLElement} */
  const tabLink = (name, label, count) =>
    el(
      'a',
      {
        href: linkTo(...home, ...(name ? [name] : [])),
        'aria-current': (tab === name || (name === '' && tab !== 'subscribers' && !work)) && 'page',
      },
      label,
      ' ',
      count,
    )

  const element = el(
    'div',
    { class: 'view' },
    el(
      'div',
      { class: 'heading' },
      el(
        'a',
        { class: 'button quiet square', href: '#/services', 'aria-label': t('nav.services'), title: t('nav.services') },
        icon('back'),
      ),
      el('div', {}, el('h1', {}, service.name), facts),
      el('span', { class: 'grow' }),
      remove,
    ),
    el(
      'nav',
      { class: 'tabs', 'aria-label': service.name },
      tabLink('', t('services.instances'), counts.instances),
      tabLink('subscribers', t('subscribers'), counts.subscribers),
      tabLink('work', t('work')),
    ),
    missing,
    body,
  )
  work?.start()
  return { title: service.name, element, update, close: () => work?.close() }
}

/**
 * @param {import('./types.d.ts').Context} context
 * @param {import('./types.d.ts').ServiceName} service
 */
function instanceList(context, service) {
  const { i18n, registry, api } = context
  const { t, number } = i18n
  const search = searchBox(i18n, t('instances.search'), () => update())
  const troubled = checkBox(t('instances.troubled'), () => update())
  const shown = el('span', { class: 'soft', role: 'status' })
  /** @type {Set<string> | undefined} */
  let before

  /** @param {InstanceRow} row */
  const toggle = (row) =>
    perform(
      i18n,
      () => api.post('instance', { ...service, ip: row.ip, port: row.port, enabled: !row.enabled }),
      t(row.enabled ? 'instance.disabled' : 'instance.enabled', { address: addressOf(row) }),
    )

  const table = createTable({
    label: t('services.instances'),
    key: instanceKey,
    rowClass: (/** @type {InstanceRow} */ row) => (row.enabled ? '' : 'off'),
    empty: [el('p', {}, t('instances.none'))],
    columns: [
      {
        title: t('address'),
        width: '216px',
        cell: (/** @type {InstanceRow} */ row) => [
          el('span', { class: 'mono' }, addressOf(row)),
          ' ',
          !row.ephemeral && el('span', { class: 'pill' }, t('persistent')),
          row.ephemeral && row.by === 'grpc' && el('span', { class: 'pill', title: t('by.grpc') }, 'gRPC'),
        ],
      },
      { title: t('state'), width: '118px', cell: (row) => stateOf(row) },
      { title: t('weight'), width: '76px', class: 'number', cell: (row) => weightOf(row) },
      { title: t('cluster'), width: '110px', cell: ({ cluster }) => cluster },
      { title: t('metadata'), cell: (row) => chips(row) },
      { title: t('actions'), width: '248px', class: 'actions', cell: (row) => actions(row) },
    ],
  })

  /** @param {InstanceRow} row */
  const stateOf = (row) => {
    if (!row.enabled) return el('span', { class: 'pill warn dot' }, t('instance.is-disabled'))
    return row.healthy
      ? el('span', { class: 'pill good dot' }, t('instance.healthy'))
      : el('span', { class: 'pill bad dot' }, t('instance.unhealthy'))
  }
  /** @param {InstanceRow} row */
  const weightOf = ({ weight, published }) => {
    const text = typeof weight === 'number' ? number(weight) : weight
    if (!published || published.weight === weight) return text
    const was = t('instance.published-weight', { weight: published.weight })
    return [el('span', { class: 'changed', title: was }, text), el('span', { class: 'unseen' }, was)]
  }
  /** @param {InstanceRow} row */
  const chips = ({ metadata }) => {
    const all = Object.entries(metadata)
    const title = all.map(([key, value]) => `${key} = ${value}`).join('\n')
    return el(
      'span',
      { title },
      all.slice(0, 4).map(([key, value]) => el('span', { class: 'chip' }, `${key}=${value}`)),
      all.length > 4 && el('span', { class: 'soft' }, `+${all.length - 4}`),
    )
  }
  /** @param {InstanceRow} row */
  const actions = (row) => {
    const address = addressOf(row)
    /** @type {(key: string, act: () => unknown, look?: string) => HTMLElement} */
    const button = (key, act, look = '') =>
      el(
        'button',
        { class: `button small ${look}`, type: 'button', 'aria-label': `${t(key)} ${address}`, onclick: act },
        t(key),
      )
    return [
      button(row.enabled ? 'instance.disable' : 'instance.enable', () => toggle(row)),
      ' ',
      button('instance.edit', () => editInstance(context, service, instanceKey(row))),
      ' ',
      button('instance.deregister', () => deregister(context, service, row), 'quiet'),
    ]
  }

  const update = () => {
    tellChanges()
    const wanted = search.text()
    const rows = [...registry.instances.values()]
      .filter((row) => wanted === '' || textOf(row).includes(wanted))
      .filter((row) => !troubled.checked() || !row.healthy || !row.enabled)
      .sort((a, b) => compare(sortKey(a), sortKey(b)))
    table.update(rows)
    setText(shown, t('instances.count', { n: rows.length }))
  }

  /** A screen reader hears of what appears and leaves, once it is read. */
  const tellChanges = () => {
    if (registry.partial() || (registry.instances.size === 0 && !before)) return
    const now = new Set(registry.instances.keys())
    const known = before
    before = now
    if (!known) return
    const came = [...now].filter((key) => !known.has(key))
    const left = [...known].filter((key) => !now.has(key))
    if (came.length > 0)
      announce(t('instances.came', { n: came.length, address: came.slice(0, 3).map(spoken).join(', ') }))
    if (left.length > 0)
      announce(t('instances.left', { n: left.length, address: left.slice(0, 3).map(spoken).join(', ') }))
  }

  const element = el(
    'div',
    { class: 'stack' },
    el('div', { class: 'toolbar' }, search.element, troubled.element, el('span', { class: 'grow' }), shown),
    table.element,
  )
  return { element, update }
}

/** @param {{ ip: string, port: number }} row */
export function addressOf({ ip, port }) {
  return `${ip.includes(':') ? `[${ip}]` : ip}:${port}`
}

/** @param {string} key */
function spoken(key) {
  return key.replace('#', ':')
}

/** @param {InstanceRow} row */
function textOf({ ip, port, cluster, metadata }) {
  const data = Object.entries(metadata).map(([key, value]) => `${key}=${value}`)
  return [`${ip}:${port}`, cluster, ...data].join('\n').toLowerCase()
}

/** @type {WeakMap<InstanceRow, string>} */
const sortKeys = new WeakMap()

/** Addresses by their numbers, not by their digits. @param {InstanceRow} row */
function sortKey(row) {
  let key = sortKeys.get(row)
  if (key === undefined) {
    const ip = row.ip.replace(/\d+/g, (digits) => digits.padStart(3, '0'))
    sortKeys.set(row, (key = `${ip}#${String(row.port).padStart(5, '0')}`))
  }
  return key
}
