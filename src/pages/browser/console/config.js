import { openDialog } from '../base/dialog.js'
import { el, fill, icon, setText } from '../base/dom.js'
import { notify } from '../base/notice.js'
import { createEditor, formatOf } from './editor.js'
import { failure, perform } from './failure.js'
import { historyTable } from './history.js'
import { linkTo, linkToConfig } from './links.js'
import { memberTable } from './members.js'
import { publishDialog } from './publish.js'
import { configKey } from './registry.js'

/**
 * @typedef {import('./types.d.ts').ConfigDetail} ConfigDetail
 * @typedef {import('./types.d.ts').ConfigName} ConfigName
 */

/**
 * One document: its text, what it was, and the clients that listen to it.
 *
 * @param {import('./types.d.ts').Context} context
 * @param {ConfigName | undefined} name `undefined` for a new one
 * @param {string} [tab]
 * @returns {import('./types.d.ts').View}
 */
export function createConfig(context, name, tab = '') {
  const { i18n, registry, api, filter } = context
  const { t, number } = i18n
  /** What the registry has. @type {ConfigDetail | undefined} */
  let detail
  let loading = false
  let closed = false
  /** What the row said when it was read, to see that there is something new. */
  let seen = ''

  const editor = createEditor(context, () => drawState())
  const fields = newFields(context, (dataId) => {
    editor.format.value = formatOf(dataId)
    drawState()
  })
  const publish = el(
    'button',
    { class: 'button primary', type: 'button', onclick: () => void onPublish() },
    t('config.publish'),
  )
  const remove = el(
    'button',
    { class: 'button danger', type: 'button', hidden: true, onclick: () => onDelete() },
    t('config.delete'),
  )
  const changed = el('span', { class: 'pill warn dot', hidden: true }, t('config.unsaved'))
  const elsewhere = el('div', { class: 'verdict warn', role: 'alert', hidden: true })
  const facts = el('p', { class: 'soft facts-line' })
  const history = historyTable(context, name ?? { namespace: '', group: '', dataId: '' }, () => ({
    content: detail?.content ?? '',
    md5: detail?.md5 ?? '',
  }))
  const listeners = memberTable(i18n, t('listeners'), t('config.no-listeners'))
  const counts = { history: el('span', { class: 'count' }), listeners: el('span', { class: 'count' }) }

  const content = () => detail?.content ?? ''
  const dirty = () =>
    detail || !name
      ? editor.content() !== content() || (detail?.type !== undefined && editor.type() !== detail.type)
      : false

  const drawState = () => {
    changed.hidden = !dirty()
    publish.disabled = !dirty() || editor.content().trim() === ''
  }

  /** @param {boolean} overwrite takes the registry's text even where another is typed */
  const load = async (overwrite) => {
    if (!name || loading) return
    loading = true
    const keep = !overwrite && dirty()
    const row = rowText()
    try {
      const next = await api.get('config', { ...name })
      if (closed) return
      const moved = detail !== undefined && detail.md5 !== next.md5
      if (!keep) detail = next
      else if (detail) detail = { ...detail, history: next.history, audience: next.audience }
      seen = row
      if (!keep && (moved || overwrite)) editor.set(next.content ?? '', next.type ?? formatOf(name.dataId))
      showElsewhere(keep && moved)
    } catch (error) {
      seen = row
      if (!closed) notify(failure(i18n, error), 'failed', t('base.close'))
    } finally {
      loading = false
    }
    drawDetail()
  }

  /** @param {boolean} shown */
  const showElsewhere = (shown) => {
    if (!shown) return void (elsewhere.hidden = true)
    elsewhere.hidden = false
    fill(
      elsewhere,
      icon('warning'),
      el('div', {}, t('config.elsewhere')),
      el('span', { class: 'grow' }),
      el('button', { class: 'button small', type: 'button', onclick: () => void load(true) }, t('config.reload')),
    )
  }

  const drawDetail = () => {
    if (!detail) return
    remove.hidden = detail.content === undefined
    const parts = [
      `${t('group')} ${detail.group}`,
      `${t('namespace')} ${detail.namespace}`,
      ...(detail.content === undefined
        ? [t('config.is-deleted')]
        : [i18n.size(detail.bytes ?? 0), `MD5 ${(detail.md5 ?? '').slice(0, 8)}`, i18n.time(detail.modifiedMs ?? 0)]),
    ]
    setText(facts, parts.join(' · '))
    setText(counts.history, number(detail.history.length))
    setText(counts.listeners, number(detail.audience.length))
    history.update(detail.history.map((version) => ({ ...version })))
    listeners.update(detail.audience)
    drawState()
  }

  const onPublish = async () => {
    const target = name ?? fields.name()
    if (!target) return
    const draft = {
      name: target,
      before: content(),
      md5: detail?.md5 ?? '',
      content: editor.content(),
      format: editor.type(),
    }
    const published = await publishDialog(context, draft).catch((error) => {
      notify(failure(i18n, error), 'failed', t('base.close'))
      return false
    })
    if (!published) return
    // What was typed is now what the registry has: the next look must not take it for a change of others.
    detail = { ...target, history: [], audience: [], ...detail, content: draft.content, type: draft.format }
    drawState()
    if (name) await load(true)
    else location.hash = linkToConfig(target)
  }

  const onDelete = () => {
    if (!name) return
    const go = async () => {
      if (!(await perform(i18n, () => api.post('config/delete', name), t('config.deleted', { dataId: name.dataId }))))
        return
      detail = detail && { ...detail, content: editor.content(), type: editor.type() }
      dialog.close()
      location.hash = '#/configs'
    }
    const dialog = openDialog({
      title: t('config.delete-title', { dataId: name.dataId }),
      closeLabel: t('base.close'),
      body: [el('p', {}, t('config.delete-hint', { n: detail?.audience.length ?? 0 }))],
      actions: [
        el(
          'button',
          { class: 'button', type: 'button', autofocus: true, onclick: () => dialog.close() },
          t('base.cancel'),
        ),
        el('button', { class: 'button danger', type: 'button', onclick: go }, t('config.delete-now')),
      ],
    })
  }

  const rowText = () => JSON.stringify(name && registry.configs.get(configKey(name)))

  /** @type {(to: '' | 'history' | 'listeners', label: string, count?: HTMLElement) => HTMLElement} */
  const tabLink = (to, label, count) =>
    el(
      'a',
      {
        href: name && linkTo('configs', name.namespace, name.group, name.dataId, ...(to ? [to] : [])),
        'aria-current': tab === to && 'page',
      },
      label,
      count && ' ',
      count,
    )

  const title = name?.dataId ?? t('configs.new')
  const body = tab === 'history' ? history.element : tab === 'listeners' ? listeners.element : editor.element
  const inEditor = tab === ''
  const element = el(
    'div',
    { class: 'view' },
    el(
      'div',
      { class: 'heading' },
      el(
        'a',
        { class: 'button quiet square', href: '#/configs', 'aria-label': t('nav.configs'), title: t('nav.configs') },
        icon('back'),
      ),
      el('div', {}, el('h1', {}, title), name && facts),
      el('span', { class: 'grow' }),
      inEditor && changed,
      inEditor && el('label', { class: 'check' }, t('config.format'), editor.format),
      inEditor && name && remove,
      inEditor && publish,
    ),
    name &&
      el(
        'nav',
        { class: 'tabs', 'aria-label': title },
        tabLink('', t('config.editor')),
        tabLink('history', t('history'), counts.history),
        tabLink('listeners', t('listeners'), counts.listeners),
      ),
    !name && fields.element,
    elsewhere,
    body,
  )
  if (name) void load(true)
  else {
    editor.set('', 'yaml')
    fields.setNamespace(filter.namespace || 'public')
  }
  drawState()
  return {
    title,
    element,
    update() {
      if (name && seen !== rowText()) void load(false)
    },
    unsaved: dirty,
    close() {
      closed = true
      editor.close()
    },
  }
}

/**
 * Data id, group and namespace of a new document.
 *
 * @param {import('./types.d.ts').Context} context
 * @param {(dataId: string) => void} onName
 */
function newFields({ i18n }, onName) {
  const { t } = i18n
  const dataId = el('input', {
    id: 'data-id',
    required: true,
    maxlength: 256,
    pattern: '[\\w.:\\-]+',
    placeholder: 'user-service-dev.yml',
    spellcheck: 'false',
    oninput: () => onName(dataId.value.trim()),
  })
  const group = el('input', {
    id: 'group',
    required: true,
    maxlength: 128,
    pattern: '[\\w.:\\-]+',
    value: 'DEFAULT_GROUP',
    spellcheck: 'false',
  })
  const namespace = el('input', {
    id: 'namespace',
    required: true,
    maxlength: 64,
    pattern: '[\\w\\-]+',
    spellcheck: 'false',
  })
  const form = el(
    'form',
    { class: 'new-config', onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
    el('div', { class: 'field' }, el('label', { for: 'data-id' }, t('config.data-id')), dataId),
    el('div', { class: 'field' }, el('label', { for: 'group' }, t('group')), group),
    el('div', { class: 'field' }, el('label', { for: 'namespace' }, t('namespace')), namespace),
  )
  return {
    element: form,
    setNamespace: (/** @type {string} */ name) => void (namespace.value = name),
    name: () =>
      form.reportValidity()
        ? { namespace: namespace.value.trim(), group: group.value.trim(), dataId: dataId.value.trim() }
        : undefined,
  }
}
