/** @typedef {import('./i18n.js').I18n} I18n */

/**
 * A duration for people: `3.2 ms`, `840 ms`, `12 s`, `4 min`.
 *
 * @param {I18n} i18n
 * @param {number} ms
 */
export function duration(i18n, ms) {
  if (ms < 10) return `${i18n.number(Math.round(ms * 10) / 10)} ms`
  if (ms < 1_000) return `${i18n.number(Math.round(ms))} ms`
  if (ms < 10_000) return `${i18n.number(Math.round(ms / 100) / 10)} s`
  if (ms < 120_000) return `${i18n.number(Math.round(ms / 1_000))} s`
  if (ms < 7_200_000) return `${i18n.number(Math.round(ms / 60_000))} min`
  return `${i18n.number(Math.round(ms / 360_000) / 10)} h`
}

/**
 * @param {I18n} i18n
 * @param {number} perSecond
 */
export function rate(i18n, perSecond) {
  const rounded = perSecond >= 10 ? Math.round(perSecond) : Math.round(perSecond * 10) / 10
  return perSecond > 0 && rounded === 0 ? `<${i18n.number(0.1)}` : i18n.number(rounded)
}

/**
 * A value of the configuration in one line.
 *
 * @param {unknown} value
 */
export function valueText(value) {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/**
 * The items of before where nothing in them differs, so that a table leaves their rows alone.
 *
 * @template T
 * @param {readonly T[]} before
 * @param {readonly T[]} now
 * @param {(item: T) => string} key
 * @returns {T[]}
 */
export function keepSame(before, now, key) {
  const known = new Map(before.map((item) => [key(item), item]))
  return now.map((item) => {
    const old = known.get(key(item))
    return old !== undefined && JSON.stringify(old) === JSON.stringify(item) ? old : item
  })
}

/** @param {string} text @param {string} search in lower case */
export function matches(text, search) {
  return search === '' || text.toLowerCase().includes(search)
}
