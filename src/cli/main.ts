import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { messageOf } from '../errors.js'
import { devCommand } from './dev.js'

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

const program = new Command('nacos-sidecar')
  .description('A Node.js service as a first-class member of a Nacos mesh.')
  .version(manifest.version, '-v, --version')
  .showHelpAfterError('(nacos-sidecar --help lists the commands)')
  .addCommand(devCommand())

try {
  await program.parseAsync()
} catch (error) {
  console.error(`nacos-sidecar: ${messageOf(error)}`)
  process.exitCode = 1
}
