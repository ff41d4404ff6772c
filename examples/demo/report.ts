import { styleText as style } from 'node:util'

// Node 20 colours whatever it is asked to.
const coloured = process.stdout.isTTY && process.env['NO_COLOR'] === undefined
const styleText: typeof style = (format, text) => (coloured ? style(format, text) : text)

/** What the demo prints: a heading a step, a line a fact, and a reason where a step did not happen. */

const startedAt = performance.now()
const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)

export function step(title: string): void {
  console.log(`\n${styleText('gray', `${seconds()} s`)}  ${styleText(['bold', 'cyan'], title)}`)
}

export function fact(text: string): void {
  console.log(`          ${text}`)
}

/** A fact that must hold: the demo ends non-zero where one does not. */
export function check(holds: boolean, text: string): void {
  if (!holds) throw new Error(`did not hold: ${text}`)
  console.log(`        ${styleText('green', '✓')} ${text}`)
}

export function table(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  rows.forEach((row, index) => {
    const line = row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')
    fact(index === 0 ? styleText('gray', line) : line)
  })
}

/** Asks until the answer is there. */
export async function until<T>(
  what: string,
  withinMs: number,
  ask: () => Promise<T | undefined | false>,
  everyMs = 100,
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
