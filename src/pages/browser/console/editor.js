import { el, fill, icon, setText } from '../base/dom.js'

/** @typedef {import('./types.d.ts').Problem} Problem */

const CHECK_AFTER_MS = 250
const FORMATS = ['yaml', 'properties', 'json', 'text', 'xml', 'html', 'toml']

/**
 * A text with line numbers, checked while it is typed: the registry reads it as services do.
 *
 * @param {import('./types.d.ts').Context} context
 * @param {() => void} onInput
 */
export function createEditor({ i18n, api }, onInput) {
  const { t } = i18n
  const numbers = el('pre', { class: 'editor-numbers', 'aria-hidden': 'true' })
  const status = el('div', { id: 'editor-status', class: 'editor-status', role: 'status' })
  const text = el('textarea', {
    class: 'editor-text',
    'aria-label': t('config.content'),
    'aria-describedby': 'editor-status',
    spellcheck: 'false',
    autocapitalize: 'off',
    wrap: 'off',
    oninput: () => changed(),
    onscroll: () => (numbers.scrollTop = text.scrollTop),
  })
  const format = el(
    'select',
    { 'aria-label': t('config.format'), onchange: () => changed() },
    FORMATS.map((name) => el('option', { value: name }, name)),
  )
  /** @type {Problem[]} */
  let problems = []
  let checked = 0
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer

  const changed = () => {
    drawNumbers()
    clearTimeout(timer)
    timer = setTimeout(() => void check().catch(() => {}), CHECK_AFTER_MS)
    onInput()
  }

  const check = async () => {
    clearTimeout(timer)
    const own = ++checked
    const { problems: found } = await api.post('config/check', { content: text.value, format: format.value })
    if (own === checked) {
      problems = found
      drawNumbers()
      drawStatus()
    }
    return /** @type {Problem[]} */ (found)
  }

  const drawNumbers = () => {
    const count = text.value.split('\n').length
    const marked = new Map(problems.map((one) => [one.line, one.level]))
    if (marked.size === 0) return setText(numbers, Array.from({ length: count }, (_, index) => index + 1).join('\n'))
    fill(
      numbers,
      Array.from({ length: count }, (_, index) =>
        el('span', { class: marked.get(index + 1) }, `${index + 1}${index + 1 < count ? '\n' : ''}`),
      ),
    )
  }

  const drawStatus = () => {
    const [first] = problems
    if (!first)
      return fill(status, el('span', { class: 'fine' }, icon('check'), t('check.fine', { format: format.value })))
    fill(
      status,
      problems
        .slice(0, 3)
        .map((problem) =>
          el(
            'button',
            { class: `problem ${problem.level}`, type: 'button', onclick: () => goTo(problem) },
            icon('warning'),
            problem.line > 0
              ? `${t('check.line', { line: problem.line, column: problem.column })} ${problem.message}`
              : problem.message,
          ),
        ),
    )
  }

  /** @param {Problem} problem */
  const goTo = ({ line, column }) => {
    const lines = text.value.split('\n')
    const offset =
      lines.slice(0, Math.max(0, line - 1)).reduce((sum, one) => sum + one.length + 1, 0) + Math.max(0, column - 1)
    text.focus()
    text.setSelectionRange(offset, offset)
  }

  return {
    element: el('div', { class: 'editor card' }, el('div', { class: 'editor-body' }, numbers, text), status),
    format,
    content: () => text.value,
    type: () => format.value,
    check,
    /**
     * @param {string} content
     * @param {string} type
     */
    set(content, type) {
      text.value = content
      format.value = FORMATS.includes(type) ? type : 'text'
      text.scrollTop = 0
      problems = []
      drawNumbers()
      void check().catch(() => {})
    },
    close: () => clearTimeout(timer),
  }
}

/**
 * The format that the end of a data id names.
 *
 * @param {string} dataId
 */
export function formatOf(dataId) {
  const end = /\.([^.]+)$/.exec(dataId)?.[1]?.toLowerCase() ?? ''
  if (end === 'yml') return 'yaml'
  if (end === 'txt') return 'text'
  return FORMATS.includes(end) ? end : 'yaml'
}
