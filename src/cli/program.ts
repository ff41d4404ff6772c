import { Command } from 'commander'
import { callCommand } from './call.js'
import { completeCommand, completionCommand } from './completion.js'
import { configCommand } from './config.js'
import { devCommand } from './dev.js'
import { doctorCommand } from './doctor.js'
import { emitCommand } from './emit.js'
import { healthCommand } from './health.js'
import { initCommand } from './init.js'
import { servicesCommand } from './services.js'
import { shellCommand } from './shell.js'
import { timersCommand } from './timers.js'

/** Every command but `run`, which starts before these are loaded. */
export function createProgram(version: string): Command {
  const program = new Command('nacos-sidecar')
    .description('A Node.js service as a first-class member of a Nacos mesh.')
    .version(version, '-v, --version')
    .addCommand(
      new Command('run')
        .description('Start an app as a member of the mesh, without a line of code.')
        .usage('[flags] app.(js|ts|mjs|cjs) [args…]'),
    )
    .addCommand(configCommand())
    .addCommand(servicesCommand())
    .addCommand(healthCommand())
    .addCommand(callCommand())
    .addCommand(emitCommand())
    .addCommand(timersCommand())
    .addCommand(shellCommand())
    .addCommand(doctorCommand())
    .addCommand(initCommand())
    .addCommand(devCommand())
    .addCommand(completionCommand())
    .addCommand(completeCommand(), { hidden: true })
  for (const command of withSubcommands(program)) {
    // A wrong use is thrown, and gets its exit code in main.ts.
    command.exitOverride().showHelpAfterError(`(${pathOf(command)} --help)`)
  }
  return program
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}
