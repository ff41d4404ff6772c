const SIGNS = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const FIRST_MS = 300
const EACH_MS = 100

/**
 * Shows on a terminal that work goes on, and how far it is; elsewhere nothing is written.
 *
 * @param text asked again for each picture
 */
export async function withProgress<T>(text: () => string, work: () => Promise<T>, stream = process.stderr): Promise<T> {
  if (stream.isTTY !== true) return work()
  let turn = 0
  const draw = () => {
    const line = `${SIGNS[turn++ % SIGNS.length]} ${text()}`.slice(0, Math.max(10, (stream.columns || 80) - 1))
    stream.write(`\r\u001b[2K${line}`)
    timer = setTimeout(draw, EACH_MS).unref()
  }
  let timer = setTimeout(draw, FIRST_MS).unref()
  try {
    return await work()
  } finally {
    clearTimeout(timer)
    if (turn > 0) stream.write('\r\u001b[2K')
  }
}
