import { codeOf, messageOf } from '../../errors.js'
import { serviceNameOf } from '../../registration/instance.js'
import { isRegistering } from '../../registration/member.js'
import { displayName } from '../../settings/files.js'
import { loadSettings, type LoadedSettings, type LoadOptions } from '../../settings/load.js'
import { failed, ok, skipped, warned, type Finding } from './finding.js'

const MINIMUM = [20, 19] as const

export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return ok('node', version)
  const wanted = MINIMUM.join('.')
  return failed('node', version, `nacos-sidecar needs Node.js ${wanted} or later`, `install Node.js ${wanted} or later`)
}

/** What is wrong with files, variables and flags; `loaded` is absent if they cannot be used. */
export function checkSettings(options: LoadOptions): { findings: Finding[]; loaded?: LoadedSettings } {
  try {
    const loaded = loadSettings(options)
    const { file } = loaded
    const source = file === undefined ? 'no file; flags and variables' : displayName(file, options.cwd ?? process.cwd())
    return {
      findings: [
        ok('settings', source),
        ...checkKeys(loaded),
        ok('placeholders', 'each has a value'),
        ...named(loaded),
      ],
      loaded,
    }
  } catch (error) {
    return { findings: [unusable(error)] }
  }
}

function unusable(error: unknown): Finding {
  const [first = '', ...more] = messageOf(error).split('\n')
  switch (codeOf(error)) {
    case 'SIDECAR_SETTINGS_NOT_FOUND':
      return /bootstrap\.yml was not found/.test(first)
        ? failed('settings', 'no file', first.replace(/\.$/, ''), 'npx nacos-sidecar init writes a bootstrap.yml')
        : failed('settings', 'a file is missing', first, 'create the file, or correct its name')
    case 'SIDECAR_SETTINGS_UNREADABLE':
      return failed('settings', 'a file cannot be read', first, 'correct the permissions or the encoding of the file')
    case 'SIDECAR_SETTINGS_SYNTAX':
      return failed('settings', 'syntax error', first, 'correct the file at this line and column')
    case 'SIDECAR_PLACEHOLDER_UNRESOLVED':
    case 'SIDECAR_PLACEHOLDER_CYCLE':
      return failed(
        'placeholders',
        'a placeholder has no value',
        [first, ...more].join(' '),
        'set the variable, or give a default: ${NAME:default}',
      )
    default:
      return failed('settings', 'a value cannot be used', [first, ...more].join(' '), 'correct the value that is named')
  }
}

function checkKeys({ warnings }: LoadedSettings): Finding[] {
  const findings = warnings.map((warning): Finding => {
    const [text = ''] = warning.split('\n')
    if (/bootstrap\.yml was not found/.test(text)) {
      return warned('settings', 'no file', text, 'npx nacos-sidecar init writes a bootstrap.yml')
    }
    if (/ is a section: /.test(text)) return failed('keys', text, 'its value has no effect', 'write the keys below it')
    if (!/unknown (?:key|variable)/.test(text))
      return warned('keys', 'a setting without effect', text, 'see docs/settings.md')
    const [, name] = /did you mean (.+)\?$/.exec(text) ?? []
    const what = /unknown variable/.test(text) ? 'variable' : 'key'
    const fix = name === undefined ? `remove the ${what}, or correct its name` : `write ${name}`
    return failed('keys', text, `this ${what} has no effect`, fix)
  })
  return findings.some(({ check }) => check === 'keys') ? findings : [...findings, ok('keys', 'all are known')]
}

function named({ settings, store }: LoadedSettings): Finding[] {
  if (!isRegistering(settings)) return [skipped('service', 'registration is switched off')]
  try {
    const name = serviceNameOf(settings)
    const key =
      settings.cloud.nacos.discovery.service === undefined ? 'application.name' : 'cloud.nacos.discovery.service'
    const { origin } = store.explain(key)
    return [ok('service', `${name}${origin ? ` (${origin.document})` : ''}`)]
  } catch (error) {
    return [failed('service', 'no usable name', messageOf(error), 'set application.name, or a name in package.json')]
  }
}
