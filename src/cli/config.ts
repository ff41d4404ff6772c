import { Command } from 'commander'
import { showConfig } from './show.js'

/** `nacos-sidecar config`: the settings of this machine. */
export function configCommand(): Command {
  return new Command('config').description('Look at the configuration.').addCommand(
    new Command('show')
      .description('Print every setting and where it comes from, secrets masked. Needs no Nacos.')
      .option('--json', 'as JSON')
      .action(({ json = false }: { json?: boolean }) => console.log(showConfig({ json }))),
  )
}
