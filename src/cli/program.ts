import { Command } from 'commander'
import { callCommand } from './call.js'
import { configCommand } from './config.js'
import { devCommand } from './dev.js'
import { healthCommand } from './health.js'
import { initCommand } from './init.js'
import { servicesCommand } from './services.js'

/** Every command but `run`, which starts before these are loaded. */
export function createProgram(version: string): Command {
  return new Command('nacos-sidecar')
    .description('A Node.js service as a first-class member of a Nacos mesh.')
    .version(version, '-v, --version')
    .showHelpAfterError('(nacos-sidecar --help lists the commands)')
    .addCommand(
      new Command('run')
        .description('Start an app as a member of the mesh, without a line of code.')
        .usage('[flags] app.(js|ts|mjs|cjs) [args…]'),
    )
    .addCommand(configCommand())
    .addCommand(servicesCommand())
    .addCommand(healthCommand())
    .addCommand(callCommand())
    .addCommand(initCommand())
    .addCommand(devCommand())
}
