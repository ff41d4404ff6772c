#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import Module from 'node:module'
import { fieldOf, messageOf, reasonBehind } from '../errors.js'
import { exitCodeOf, isCommanders } from './usage-error.js'

/** Of the package. Only an entry knows where it is: the other files become chunks elsewhere. */
const REGISTER = new URL('../register.js', import.meta.url).href
const MANIFEST = new URL('../../package.json', import.meta.url)

const [command, ...rest] = process.argv.slice(2)

// Node 22.1 and later keep what they have compiled: the second start is quicker. Coverage would be less exact by it.
if (process.env['NODE_V8_COVERAGE'] === undefined) {
  ;(Module as { enableCompileCache?: () => unknown }).enableCompileCache?.()
}

/** What remains to be done outside of the `catch`: an error of the app is the app's own. */
let then: () => unknown = () => {}
try {
  // Loaded by itself: an app that is started waits for no other command.
  if (command === 'run') then = await (await import('./run.js')).run(rest, REGISTER)
  else {
    endWithReader()
    await (await import('./program.js')).createProgram(version()).parseAsync()
  }
} catch (error) {
  if (!isCommanders(error)) console.error(`nacos-sidecar: ${messageOf(reasonBehind(error))}`)
  process.exitCode = exitCodeOf(error)
}
await then()

function version(): string {
  return (JSON.parse(readFileSync(MANIFEST, 'utf8')) as { version: string }).version
}

/** As `nacos-sidecar services | head -1` does: what is left is not for this reader. */
function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (fieldOf(error, 'code') === 'EPIPE') process.exit()
      throw error
    })
  }
}
