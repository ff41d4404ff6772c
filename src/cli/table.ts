import { printable } from '../util/printable.js'

/** One cell; `state` colours it. */
export type Cell = string | number | { readonly text: string; readonly state: 'good' | 'bad' }

const CODES = { good: 32, bad: 31, doubtful: 33, head: 1, faint: 2 } as const

/** Colour only where a person reads it (https://no-color.org), or where `FORCE_COLOR` asks for it. */
export function isColoured(stream: { readonly isTTY?: boolean } = process.stdout, env = process.env): boolean {
  if (env['NO_COLOR']) return false
  const forced = env['FORCE_COLOR']
  if (forced !== undefined) return forced !== '0' && forced !== 'false'
  return stream.isTTY === true && env['TERM'] !== 'dumb'
}

export function paint(text: string, code: keyof typeof CODES, coloured: boolean): string {
  return coloured ? `\u001b[${CODES[code]}m${text}\u001b[0m` : text
}

/**
 * Columns as wide as their longest cell, where the terminal is wide enough; the widest ones are cut otherwise. Texts of others are made
 * fit for a terminal.
 *
 * @param width in characters; a pipe has none, and gets everything
 * @example formatTable(['service', 'healthy'], [['orders', { text: '2 of 2', state: 'good' }]])
 */
export function formatTable(
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  coloured = isColoured(),
  width = process.stdout.isTTY ? process.stdout.columns : Infinity,
): string {
  const texts = rows.map((row) => row.map(textOf))
  const longest = columns.map((column, at) => Math.max(column.length, ...texts.map((row) => row[at]!.length)))
  const widths = fitted(longest, width - GAP.length * (columns.length - 1))
  const line = (cells: readonly string[], styled: (text: string, at: number) => string) => {
    // The last one needs no filling.
    const padded = cells.map((cell, at) => {
      const text = cut(cell, widths[at]!)
      return styled(at < cells.length - 1 ? text.padEnd(widths[at]!) : text, at)
    })
    return padded.join(GAP).trimEnd()
  }
  return [
    line(columns, (text) => paint(text, 'head', coloured)),
    ...rows.map((row, index) =>
      line(texts[index]!, (text, at) => {
        const cell = row[at]!
        return typeof cell === 'object' ? paint(text, cell.state, coloured) : text
      }),
    ),
  ].join('\n')
}

/** Below this a column says nothing any more: then lines are longer than the terminal. */
const NARROWEST = 8
const GAP = '  '

/** The widest columns give way, to the same width. */
function fitted(longest: readonly number[], width: number): number[] {
  const widths = [...longest]
  for (;;) {
    const over = widths.reduce((sum, each) => sum + each, 0) - width
    const widest = Math.max(...widths)
    if (over <= 0 || widest <= NARROWEST) return widths
    const next = Math.max(NARROWEST, ...widths.filter((each) => each < widest))
    const count = widths.filter((each) => each === widest).length
    const to = Math.max(next, widest - Math.ceil(over / count))
    for (const [at, each] of widths.entries()) if (each === widest) widths[at] = to === widest ? widest - 1 : to
  }
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}

function textOf(cell: Cell): string {
  return printable(typeof cell === 'object' ? cell.text : String(cell))
}

/** `yes` or `no`. */
export const yesOrNo = (value: boolean): Cell => (value ? { text: 'yes', state: 'good' } : { text: 'no', state: 'bad' })
