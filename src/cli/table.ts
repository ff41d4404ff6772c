import { printable } from '../util/printable.js'

/** One cell; `state` colours it. */
export type Cell = string | number | { readonly text: string; readonly state: 'good' | 'bad' }

const CODES = { good: 32, bad: 31, head: 1 } as const

/** Colour only where a person reads it (https://no-color.org). */
export function isColoured(stream: { readonly isTTY?: boolean } = process.stdout, env = process.env): boolean {
  return stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
}

/**
 * Columns as wide as their longest cell. Texts of others are made fit for a terminal.
 *
 * @example formatTable(['service', 'healthy'], [['orders', { text: '2 of 2', state: 'good' }]])
 */
export function formatTable(
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  coloured = isColoured(),
): string {
  const texts = rows.map((row) => row.map(textOf))
  const widths = columns.map((column, at) => Math.max(column.length, ...texts.map((row) => row[at]!.length)))
  const paint = (text: string, code: keyof typeof CODES) => (coloured ? `\u001b[${CODES[code]}m${text}\u001b[0m` : text)
  const line = (cells: readonly string[], styled: (text: string, at: number) => string) => {
    // The last one needs no filling.
    const padded = cells.map((cell, at) => styled(at < cells.length - 1 ? cell.padEnd(widths[at]!) : cell, at))
    return padded.join('  ').trimEnd()
  }
  return [
    line(columns, (text) => paint(text, 'head')),
    ...rows.map((row, index) =>
      line(texts[index]!, (text, at) => {
        const cell = row[at]!
        return typeof cell === 'object' ? paint(text, cell.state) : text
      }),
    ),
  ].join('\n')
}

function textOf(cell: Cell): string {
  return printable(typeof cell === 'object' ? cell.text : String(cell))
}

/** `yes` or `no`. */
export const yesOrNo = (value: boolean): Cell => (value ? { text: 'yes', state: 'good' } : { text: 'no', state: 'bad' })
