import { RUN_SETTINGS, type RunSetting } from '../settings/run/run-settings.js'
import { RUN_COMMAND_FLAGS } from './run-arguments.js'

const TEXTS = {
  en: {
    usage: 'Usage: nacos-sidecar run [flags] app.(js|ts|mjs|cjs) [args…]',
    what: 'Starts a Node.js app as a member of a Nacos mesh, without a line of code. Flags may also stand after the script, up to --.',
    order: 'Flags are stronger than variables, variables than files (bootstrap.yml, application.yml, or nacos.yaml).',
    flags: 'Flags (variable; field of nacos.yaml)',
    command: 'Of the command',
    only: 'Without a flag',
  },
  zh: {
    usage: '用法：nacos-sidecar run [参数] app.(js|ts|mjs|cjs) [应用参数…]',
    what: '不改一行代码，让 Node.js 应用加入 Nacos 微服务体系。参数也可以写在脚本之后，直到 --。',
    order: '参数优先于环境变量，环境变量优先于文件（bootstrap.yml、application.yml 或 nacos.yaml）。',
    flags: '参数（环境变量；nacos.yaml 字段）',
    command: '命令自身的参数',
    only: '没有对应参数的配置项',
  },
} as const

/** The page of `nacos-sidecar run --help`, in Chinese where the locale is. */
export function runHelp(env: NodeJS.ProcessEnv, width = 100): string {
  const language = /^zh/i.test(env['LC_ALL'] || env['LC_MESSAGES'] || env['LANG'] || '') ? 'zh' : 'en'
  const texts = TEXTS[language]
  const lines = (rows: readonly (readonly [string, string])[]) =>
    rows.flatMap(([name, text]) => [`  ${name}`, ...wrap(text, width - 6).map((line) => `      ${line}`)])
  const settings = (rows: readonly RunSetting[]) =>
    lines(
      rows.map((row) =>
        row.flag === undefined
          ? [row.env[0]!, `${row[language]} (${row.field})`]
          : [flagText(row), `${row[language]} (${row.env[0]}; ${row.field})`],
      ),
    )
  const [withFlag, withoutFlag] = [true, false].map((has) =>
    RUN_SETTINGS.filter((row) => (row.flag !== undefined) === has),
  )
  return [
    texts.usage,
    '',
    ...wrap(texts.what, width),
    ...wrap(texts.order, width),
    '',
    `${texts.flags}:`,
    ...settings(withFlag!),
    '',
    `${texts.only}:`,
    ...settings(withoutFlag!),
    '',
    `${texts.command}:`,
    ...lines(RUN_COMMAND_FLAGS.map((one) => [commandFlag(one), one[language]])),
    '',
  ].join('\n')
}

/** `--service-name <name>`, `--[no-]auto-register` */
export function flagText({ flag, takes, placeholder }: RunSetting): string {
  if (flag === undefined) return ''
  if (takes !== 'switch') return `--${flag} <${placeholder}>`
  return `--[no-]${flag}${placeholder ? ` [${placeholder}]` : ''}`
}

/** `--auto-register` and `--no-auto-register` of a switch. */
export function flagNames({ flag, takes }: RunSetting): string[] {
  if (flag === undefined) return []
  return takes === 'switch' ? [`--${flag}`, `--no-${flag}`] : [`--${flag}`]
}

function commandFlag({ flag, short, placeholder }: (typeof RUN_COMMAND_FLAGS)[number]): string {
  return `${short ? `-${short}, ` : ''}--${flag}${placeholder ? ` <${placeholder}>` : ''}`
}

/** Chinese has no blanks to break at, and is short. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
