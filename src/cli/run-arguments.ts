import { RUN_SETTINGS, type RunSetting } from '../settings/run/run-settings.js'
import type { RunFlags } from '../settings/run/run-flags.js'
import { nearest } from '../util/nearest.js'
import { nameFault, type NameKind } from './nacos-names.js'
import { UsageError } from './usage-error.js'

/** What `nacos-sidecar run` was asked to do. */
export interface RunArguments {
  readonly mode: 'start' | 'dry-run' | 'show-config' | 'show-detection' | 'help'
  readonly json: boolean
  /** The script, as it was written; `undefined` where there is none. */
  readonly file: string | undefined
  /** What the script gets. */
  readonly args: readonly string[]
  readonly flags: RunFlags
  /** bootstrap.yml, or its folder. */
  readonly config: string | undefined
}

/** Flags of the command itself. */
export const RUN_COMMAND_FLAGS: readonly {
  readonly flag: string
  readonly short?: string
  readonly placeholder?: string
  readonly en: string
  readonly zh: string
}[] = [
  {
    ...{ flag: 'config', placeholder: 'file' },
    en: 'bootstrap.yml or nacos.yaml, or the folder of it; as SIDECAR_CONFIG.',
    zh: 'bootstrap.yml 或 nacos.yaml，或其所在目录；等同于 SIDECAR_CONFIG。',
  },
  {
    flag: 'dry-run',
    en: 'Print what would be registered, and start nothing. Needs no Nacos.',
    zh: '打印将要注册的内容，不启动应用。不需要 Nacos。',
  },
  {
    flag: 'show-config',
    en: 'Print every setting and where it comes from, with secrets masked, and start nothing. Needs no Nacos.',
    zh: '打印全部配置项及其来源（隐藏机密），不启动应用。不需要 Nacos。',
  },
  {
    flag: 'show-detection',
    en: 'Print what is found out without being set: framework, name, port and address, and why. Starts nothing.',
    zh: '打印自动检测的结果（框架、服务名、端口、地址）及其原因，不启动应用。',
  },
  { flag: 'json', en: 'Print those three as JSON.', zh: '以 JSON 打印以上三项。' },
  { flag: 'help', short: 'h', en: 'Print this page.', zh: '打印本页。' },
]

/** Flags that name something in Nacos. */
const NAMES: Readonly<Record<string, NameKind>> = {
  ...{ namespace: 'namespace', 'service-name': 'service', 'service-group': 'group', 'service-cluster': 'cluster' },
}

type Mode = Exclude<RunArguments['mode'], 'start'>

/** The first one that is asked for counts. */
const MODES: readonly Mode[] = ['help', 'show-config', 'show-detection', 'dry-run']
const isMode = (name: string): name is Mode => (MODES as readonly string[]).includes(name)

const BY_FLAG = new Map(RUN_SETTINGS.flatMap((row) => (row.flag === undefined ? [] : [[row.flag, row] as const])))
/** In place of `true`: not the name of the script that follows. */
const SWITCH_VALUE = /^(?:true|false|on|off|yes|no|\d+(?:\.\d+)?(?:ms|s|m|h)?)$/i

/**
 * Flags before the script and after it, up to `--`. Before the script an unknown one is an error; after it, it is the
 * script's own.
 *
 * @throws SidecarError `SIDECAR_SETTINGS_INVALID` for an unknown flag, or one without its value
 */
export function parseRunArguments(argv: readonly string[]): RunArguments {
  const flags: Record<string, string[]> = {}
  const args: string[] = []
  const modes = new Set<Mode>()
  let json = false
  let file: string | undefined
  let config: string | undefined
  const rest = [...argv]

  const add = (row: RunSetting, value: string) => {
    const known = flags[row.flag!] ?? []
    // Of others the last one counts.
    flags[row.flag!] = row.takes === 'list' || row.takes === 'pairs' ? [...known, value] : [value]
  }
  const valueOf = (flag: string, inline: string | undefined): string => {
    const value = inline ?? rest.shift()
    if (value === undefined || (inline === undefined && value.startsWith('--')))
      throw invalid(`--${flag} needs a value`)
    return value
  }

  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === '--') {
      if (file !== undefined) {
        args.push(...rest)
        break
      }
      file = rest.shift()
      args.push(...rest)
      break
    }
    const [, name = '', inline] = /^--([a-z][a-z-]*)(?:=(.*))?$/s.exec(argument) ?? []
    const row = BY_FLAG.get(name) ?? switchRow(name)
    if (row?.takes === 'switch') {
      const negated = !BY_FLAG.has(name)
      const next = inline ?? (row.orValue && !negated && SWITCH_VALUE.test(rest[0] ?? '') ? rest.shift() : undefined)
      add(row, negated ? 'false' : (next ?? 'true'))
    } else if (row) {
      const value = valueOf(name, inline)
      if (row.takes === 'pairs' && !/^[^=]+=/.test(value)) throw invalid(`--${name} expects name=value, got ${value}`)
      const kind = NAMES[name]
      const fault = kind && nameFault(kind, value)
      if (fault !== undefined) throw invalid(`--${name}: ${fault}`)
      add(row, value)
    } else if (file !== undefined) args.push(argument)
    else if (isMode(name)) modes.add(name)
    else if (argument === '-h') modes.add('help')
    else if (name === 'json') json = true
    else if (name === 'config') config = valueOf(name, inline)
    else if (argument.startsWith('-')) throw unknownFlag(argument)
    else file = argument
  }
  const mode = MODES.find((one) => modes.has(one)) ?? 'start'
  if (mode === 'start' && file === undefined) throw invalid('the script is missing: nacos-sidecar run [flags] app.js')
  return { mode, json, file, args, flags, config }
}

/** `--no-auto-register` */
function switchRow(name: string): RunSetting | undefined {
  const row = name.startsWith('no-') ? BY_FLAG.get(name.slice(3)) : undefined
  return row?.takes === 'switch' ? row : undefined
}

function unknownFlag(argument: string): UsageError {
  const name = argument.replace(/^-+|=.*$/gs, '')
  const names = [...BY_FLAG.keys(), ...RUN_COMMAND_FLAGS.map(({ flag }) => flag)]
  const guess = nearest(name, names) ?? (name.startsWith('no-') ? nearest(name.slice(3), names) : undefined)
  return invalid(`unknown flag ${argument.replace(/=.*$/s, '')}${guess ? `, did you mean --${guess}?` : ''}`)
}

function invalid(message: string): UsageError {
  return new UsageError(`${message} (nacos-sidecar run --help)`)
}
