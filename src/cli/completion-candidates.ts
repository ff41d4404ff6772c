import type { Command, Option } from 'commander'
import { createHttpTransport, type HttpTransport } from '../nacos/http/transport.js'
import { RUN_SETTINGS } from '../settings/run/run-settings.js'
import { connectionsOf, type ConnectionOptions } from '../settings/connection.js'
import { loadSettings } from '../settings/load.js'
import { cutOff } from '../util/deadline.js'
import { settingsOf, SILENT, type GuestFlags } from './guest.js'
import { listFrom } from './registry-pages.js'
import { RUN_COMMAND_FLAGS } from './run-arguments.js'
import { flagNames } from './run-help.js'

export interface Candidate {
  readonly value: string
  /** A short text; may be empty. */
  readonly what: string
}

/** A key that is pressed waits for it. */
const TIMEOUT_MS = 1_000
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']

/**
 * What the last of `words` may become. None: the shell completes the names of files.
 *
 * @param program every command
 * @param words what follows `nacos-sidecar`; the last one is begun, or empty
 */
export async function candidatesFor(program: Command, words: readonly string[]): Promise<Candidate[]> {
  const begun = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  const all =
    before[0] === 'run' ? runCandidates(before.slice(1), begun) : await commandCandidates(program, before, begun)
  return all.filter(({ value }) => value.startsWith(begun))
}

/** Flags up to `--`, also after the script; else the shell completes files. */
function runCandidates(before: readonly string[], begun: string): Candidate[] {
  if (before.includes('--') || !begun.startsWith('-')) return []
  const rows = RUN_SETTINGS.flatMap((row) => flagNames(row).map((value) => ({ value, what: row.en })))
  const own = RUN_COMMAND_FLAGS.map(({ flag, en }) => ({ value: `--${flag}`, what: en }))
  return [...rows, ...own].map(({ value, what }) => ({ value, what: sentence(what) }))
}

async function commandCandidates(program: Command, before: readonly string[], begun: string): Promise<Candidate[]> {
  let command = program
  const said: Record<string, string> = {}
  let position = 0
  for (let at = 0; at < before.length; at++) {
    const word = before[at]!
    const option = command.options.find((one) => one.long === word || one.short === word)
    if (option && takesValue(option)) {
      const value = before[++at]
      // The word in hand is its value.
      if (value === undefined) return (option.argChoices ?? []).map((choice) => ({ value: choice, what: '' }))
      said[option.attributeName()] = value
    } else if (!word.startsWith('-')) {
      const next = command.commands.find((one) => one.name() === word)
      if (next) command = next
      else position += 1
    }
  }
  if (begun.startsWith('-')) return optionsOf(command)
  const commands = command.commands.filter((one) => one.name() !== 'complete')
  if (commands.length > 0) return commands.map((one) => ({ value: one.name(), what: sentence(one.description()) }))
  const argument = command.registeredArguments[position]
  if (!argument) return []
  if (argument.argChoices) return argument.argChoices.map((value) => ({ value, what: '' }))
  return argumentCandidates(command.name(), argument.name(), said, begun)
}

const takesValue = ({ required, optional }: Option) => required || optional

function optionsOf({ options }: Command): Candidate[] {
  return options.flatMap(({ long, description, hidden }) =>
    long && !hidden ? [{ value: long, what: sentence(description) }] : [],
  )
}

/** Services, data ids and methods. */
async function argumentCandidates(
  command: string,
  argument: string,
  flags: GuestFlags,
  begun: string,
): Promise<Candidate[]> {
  if (argument === 'method') return METHODS.map((value) => ({ value, what: '' }))
  try {
    if (argument === 'service' || command === 'services') return await askRegistry(flags, serviceNames)
    if (argument === 'data-id') return await askRegistry(flags, (registry) => dataIds(registry, begun))
  } catch {
    // The registry is down, or too slow for a key.
  }
  return []
}

interface Registry {
  readonly transport: HttpTransport
  readonly connection: ConnectionOptions
  /** Of services or of documents. */
  readonly group: string
}

async function askRegistry(
  flags: GuestFlags,
  ask: (registry: Registry) => Promise<readonly string[]>,
): Promise<Candidate[]> {
  const configPath = flags.config
  const { settings } = loadSettings({
    ...{ argv: [], required: false, overrides: settingsOf(flags) },
    ...(configPath !== undefined && { configPath }),
  })
  const { discovery } = connectionsOf(settings.cloud.nacos)
  const connection = { ...discovery, requestTimeoutMs: TIMEOUT_MS }
  const transport = createHttpTransport({ ...connection, logger: SILENT })
  try {
    const group = flags.group ?? settings.cloud.nacos.discovery.group
    const names = await cutOff(TIMEOUT_MS, [], () => ask({ transport, connection, group }))
    return names.map((value) => ({ value, what: '' }))
  } finally {
    await transport.close()
  }
}

async function serviceNames({ transport, connection, group }: Registry): Promise<readonly string[]> {
  const { namespace } = connection
  return [...(await transport.listServices({ namespace, group, pageNo: 1, pageSize: 200 })).names].sort()
}

/** Searched as the console does. */
async function dataIds({ transport, connection }: Registry, begun: string): Promise<readonly string[]> {
  const { namespace } = connection
  const search = { search: 'blur', dataId: `${begun}*`, pageNo: 1, pageSize: 200 }
  const v1 = { path: '/v1/cs/configs', query: { ...search, group: '', tenant: namespace } }
  const v3 = { path: '/v3/admin/cs/config/list', query: { ...search, groupName: '', namespaceId: namespace } }
  for (const page of [v1, v3]) {
    const found = await listFrom(transport, { connection, timeoutMs: TIMEOUT_MS, ...page }, 'pageItems')
    if (found) return [...new Set(found.map(({ dataId }) => String(dataId)))]
  }
  return []
}

/** The first one: a list has no room for more. */
function sentence(text: string): string {
  return /^.*?[.;](?=\s|$)/.exec(text)?.[0].slice(0, -1) ?? text
}
