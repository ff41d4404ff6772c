import { readFileSync } from 'node:fs'
import { isProduction } from '../util/production.js'

/** What restarts a program when its sources change, or runs it beside others during development. */
const WATCHERS: readonly (readonly [name: string, command: RegExp])[] = [
  ['tsx watch', /\btsx(\.[cm]?js)?\b.*\bwatch\b|\/tsx\/dist\/cli\.[cm]?js watch\b/],
  ['nodemon', /\bnodemon\b/],
  // Its options come before the program, each with a value or without.
  ['node --watch', /\bnode(\.exe)?( -\S+( [^-\s]\S*)?)*? --watch(-path\S*)?(\s|$)/],
  ['concurrently', /\bconcurrently\b/],
  ['ts-node-dev', /\b(ts-node-dev|tsnd|node-dev)\b/],
  ['nest start --watch', /\bnest(\.js)?\b.*\bstart\b.*(--watch|-w\b)/],
  ['a watcher', /\b(vite-node|swc-node|bun|deno|rollup|webpack|tsup|tsc-watch|encore)\b.*(\s-w\b|--watch\b)/],
]
/** npm, a shell and the watcher's own helper stand between. */
const MOST_ANCESTORS = 6

/** Which watcher started this process; `undefined` where none did, in production, and where that cannot be seen. */
export function findDevWatcher(
  env: NodeJS.ProcessEnv = process.env,
  commands = ancestors(),
  production = isProduction({ env }),
): string | undefined {
  if (production) return undefined
  if (env['WATCH_REPORT_DEPENDENCIES']) return 'node --watch'
  for (const command of [...commands, env['npm_lifecycle_script'] ?? '']) {
    const [name] = WATCHERS.find(([, pattern]) => pattern.test(command)) ?? []
    if (name !== undefined) return name
  }
  return undefined
}

/** The commands above this process, the nearest first; none where there is no /proc. */
function ancestors(): string[] {
  const commands: string[] = []
  let pid = process.ppid
  try {
    while (pid > 1 && commands.length < MOST_ANCESTORS) {
      commands.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '))
      // The name of the program comes second, in parentheses, and may hold anything.
      pid = Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ')[1])
    }
  } catch {
    // Not Linux, or not ours to see: npm's own variable has to do.
  }
  return commands
}
