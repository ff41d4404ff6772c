/**
 * Which lines stay, go and come (Myers, "An O(ND) Difference Algorithm"), between what two texts have in common at their ends.
 *
 * @typedef {{ kind: 'same' | 'gone' | 'new', text: string, before?: number, after?: number }} DiffLine line numbers from 1
 */

/** Further apart, two texts are shown as one that goes and one that comes. */
const MOST_EDITS = 2_000

/**
 * @param {string} before
 * @param {string} after
 * @returns {DiffLine[]}
 */
export function diffLines(before, after) {
  const a = linesOf(before)
  const b = linesOf(after)
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const kinds = [
    ...Array(start).fill('same'),
    ...edits(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...Array(end).fill('same'),
  ]
  let x = 0
  let y = 0
  return kinds.map((kind) => {
    if (kind === 'gone') return { kind, text: a[x] ?? '', before: ++x }
    if (kind === 'new') return { kind, text: b[y] ?? '', after: ++y }
    return { kind: 'same', text: a[x] ?? '', before: ++x, after: ++y }
  })
}

/** @param {string} text */
function linesOf(text) {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}

/**
 * @param {string[]} a
 * @param {string[]} b
 * @returns {DiffLine['kind'][]}
 */
function edits(a, b) {
  /** How far each diagonal reaches, after 0, 1, 2 … edits. @type {Map<number, number>[]} */
  const trace = []
  let reach = new Map([[1, 0]])
  for (let depth = 0; depth <= Math.min(a.length + b.length, MOST_EDITS); depth++) {
    trace.push(new Map(reach))
    for (let k = -depth; k <= depth; k += 2) {
      const down = k === -depth || (k !== depth && at(reach, k - 1) < at(reach, k + 1))
      let x = down ? at(reach, k + 1) : at(reach, k - 1) + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      reach.set(k, x)
      if (x >= a.length && x - k >= b.length) return walkBack(trace, a.length, b.length)
    }
  }
  return [...a.map(() => /** @type {const} */ ('gone')), ...b.map(() => /** @type {const} */ ('new'))]
}

/**
 * @param {Map<number, number>[]} trace
 * @param {number} x
 * @param {number} y
 * @returns {DiffLine['kind'][]}
 */
function walkBack(trace, x, y) {
  /** @type {DiffLine['kind'][]} */
  const kinds = []
  for (let depth = trace.length - 1; depth >= 0; depth--) {
    const reach = trace[depth] ?? new Map()
    const k = x - y
    const down = k === -depth || (k !== depth && at(reach, k - 1) < at(reach, k + 1))
    const fromX = at(reach, down ? k + 1 : k - 1)
    const fromY = fromX - (down ? k + 1 : k - 1)
    for (; x > fromX && y > fromY; x--, y--) kinds.push('same')
    if (depth === 0) break
    kinds.push(down ? 'new' : 'gone')
    x = fromX
    y = fromY
  }
  return kinds.reverse()
}

/**
 * @param {Map<number, number>} reach
 * @param {number} k
 */
function at(reach, k) {
  return reach.get(k) ?? -1
}
