import { resolve } from 'node:path'
import type { Command } from 'commander'
import { nameOf, serverAddresses } from './arguments.js'
import { createLogger, type Logger } from '../logger.js'
import { createSidecar } from '../process-sidecar.js'
import type { Sidecar } from '../sidecar.js'
import { holdProcess } from '../util/hold-process.js'

/** Options of each command that asks the registry. */
export interface GuestFlags {
  readonly nacosServer?: string
  readonly namespace?: string
  readonly username?: string
  readonly group?: string
  readonly config?: string
  readonly json?: boolean
  readonly verbose?: boolean
}

export function withGuestOptions(command: Command): Command {
  return command
    .option(
      '--nacos-server <host:port>',
      'address of Nacos, several with commas (default: that of the settings)',
      serverAddresses,
    )
    .option('--namespace <id>', 'namespace id', nameOf('namespace'))
    .option('--username <name>', 'user name; the password is NACOS_PASSWORD')
    .option('--group <group>', 'group of services', nameOf('group'))
    .option('--config <file>', 'bootstrap.yml or nacos.yaml, or its folder')
    .option('--json', 'as JSON')
    .option('--verbose', 'log what is done to stderr')
}

export const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** What the flags say, as settings: a section of the file must not hide them. */
export function settingsOf({ nacosServer, namespace, username, group }: GuestFlags): Record<string, string> {
  const sections = (key: string, value: string | undefined) =>
    value === undefined
      ? {}
      : { [`cloud.nacos.${key}`]: value, [`cloud.nacos.discovery.${key}`]: value, [`cloud.nacos.config.${key}`]: value }
  return {
    ...sections('server-addr', nacosServer),
    ...sections('namespace', namespace),
    ...sections('username', username),
    ...(group !== undefined && { 'cloud.nacos.discovery.group': group }),
  }
}

/**
 * A sidecar with the settings of the working directory that registers nothing, for the time of `work`.
 *
 * @param settings over those of the flags
 */
export async function asGuest<T>(
  flags: GuestFlags,
  settings: Readonly<Record<string, unknown>>,
  work: (sidecar: Sidecar) => Promise<T>,
): Promise<T> {
  // The settings are those of the package here, not of the one that this command is in.
  process.argv[1] = resolve('package.json')
  const sidecar = createSidecar({
    signals: false,
    logger: flags.verbose ? createLogger('debug') : SILENT,
    ...(flags.config !== undefined && { configPath: flags.config }),
    settings: {
      ...settingsOf(flags),
      ...{ 'cloud.nacos.discovery.register-enabled': false, 'auth.enabled': false },
      ...{ 'sidecar.snapshot-dir': 'off', 'sidecar.alerts.webhook': '', 'sidecar.observe.enabled': false },
      ...settings,
    },
  })
  // Awaited by those that need the documents.
  sidecar.ready.catch(() => {})
  try {
    return await holdProcess(work(sidecar))
  } finally {
    await sidecar.stop({ drain: false })
  }
}

/** For commands that read no document. */
export const WITHOUT_DOCUMENTS = { 'cloud.nacos.config.enabled': false, 'sidecar.push': 'off' } as const
