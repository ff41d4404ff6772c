/**
 * The one way in which the pages make elements. Text becomes text nodes and never markup: what a name, a metadata value or a
 * document holds is shown as it is.
 *
 * @typedef {Node | string | number | false | null | undefined} Child
 * @typedef {{ [name: string]: unknown }} Props
 */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Props} [props] `class`, `data-…`, `aria-…` and other attributes; a function (`onclick`) is a listener; `true` is an
 *   attribute without a value, `false` and `undefined` are left out
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag)
  setProps(element, props)
  append(element, children)
  return element
}

/**
 * @param {Element} element
 * @param {Props} props
 */
export function setProps(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), /** @type {EventListener} */ (value))
    else if (name === 'value' && 'value' in element) element.value = value
    else if (value === true) element.setAttribute(name, '')
    else if (value === false || value === undefined || value === null) element.removeAttribute(name)
    else element.setAttribute(name, String(value))
  }
}

/**
 * @param {Node} parent
 * @param {(Child | Child[])[]} children
 */
function append(parent, children) {
  for (const child of children.flat()) {
    if (child === false || child === null || child === undefined) continue
    parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)))
  }
}

/**
 * Replaces what an element holds.
 *
 * @param {Element} parent
 * @param {...(Child | Child[])} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren()
  append(parent, children)
}

/**
 * Sets a text only where it differs, so that a selection of the reader stays.
 *
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text
}

/** Outlines on a grid of 16, drawn with the colour of the text beside them. */
const ICONS = {
  services: 'M2.5 4.5h11v3h-11zM2.5 9.5h11v3h-11zM5 6h.01M5 11h.01',
  configs: 'M4 2.5h5.5L12.5 5.5v8H4zM9 2.5v3.5h3.5M6 8.5h4M6 11h4',
  clients:
    'M3 11.5l2.5-2.5M13 4.5L10.5 7M6 6.5l3.5 3.5L8 11.5a2.3 2.3 0 0 1-3.5-3.5zM10 9.5L6.5 6 8 4.5a2.3 2.3 0 0 1 3.5 3.5z',
  namespaces: 'M2.5 5l5.5-2.5L13.5 5 8 7.5zM2.5 8L8 10.5 13.5 8M2.5 11L8 13.5 13.5 11',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3L13.5 13.5',
  close: 'M4 4l8 8M12 4l-8 8',
  plus: 'M8 3v10M3 8h10',
  back: 'M9.5 3.5L5 8l4.5 4.5',
  next: 'M6.5 3.5L11 8l-4.5 4.5',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  check: 'M3 8.5l3.5 3.5L13 4.5',
  sun: 'M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1.1 1.1M11.5 11.5l1.1 1.1M12.6 3.4l-1.1 1.1M4.5 11.5l-1.1 1.1',
  moon: 'M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6z',
  screen: 'M2.5 3.5h11v7.5h-11zM6 13.5h4M8 11v2.5',
  warning: 'M8 2.5l6 10.5H2zM8 6.5v3M8 11.3h.01',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.5l7 4.5-7 4.5z',
  out: 'M6.5 2.5h-4v11h4M10 5l3 3-3 3M6 8h7',
}

/**
 * @param {keyof typeof ICONS} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  setProps(svg, { class: 'icon', viewBox: '0 0 16 16', 'aria-hidden': 'true', focusable: 'false' })
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', ICONS[name])
  svg.appendChild(path)
  return svg
}
