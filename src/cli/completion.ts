import { Argument, Command } from 'commander'
import { completionScript, SHELLS, type Shell } from './completion-scripts.js'
import { candidatesFor } from './completion-candidates.js'

/** `nacos-sidecar completion <shell>`: the script that a shell reads at its start. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('Print a script that completes commands, flags, services and data ids: bash, zsh or fish.')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      '\nbash:  source <(nacos-sidecar completion bash)\nzsh:   source <(nacos-sidecar completion zsh)\nfish:  nacos-sidecar completion fish | source',
    )
    .action((shell: Shell) => void process.stdout.write(completionScript(shell)))
}

/** What those scripts ask: the words so far, the last one begun. One candidate a line, with a tab before what it is. */
export function completeCommand(): Command {
  return new Command('complete')
    .argument('[words...]')
    .helpOption(false)
    .action(async (words: string[], _: unknown, command: Command) => {
      const candidates = await candidatesFor(command.parent!, words)
      for (const { value, what } of candidates) console.log(what === '' ? value : `${value}\t${what}`)
    })
}
