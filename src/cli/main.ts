#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { messageOf } from '../errors.js'

/** Of the package. Only an entry knows where it is: the other files become chunks elsewhere. */
const REGISTER = new URL('../register.js', import.meta.url).href
const MANIFEST = new URL('../../package.json', import.meta.url)

const [command, ...rest] = process.argv.slice(2)

/** What remains to be done outside of the `catch`: an error of the app is the app's own. */
let then: () => unknown = () => {}
try {
  // Loaded by itself: an app that is started waits for no other command.
  if (command === 'run') then = await (await import('./run.js')).run(rest, REGISTER)
  else await (await import('./program.js')).createProgram(version()).parseAsync()
} catch (error) {
  console.error(`nacos-sidecar: ${messageOf(error)}`)
  process.exitCode = 1
}
await then()

function version(): string {
  return (JSON.parse(readFileSync(MANIFEST, 'utf8')) as { version: string }).version
}
