import { flagText } from '../src/cli/run-help.js'
import { RUN_COMMAND_FLAGS } from '../src/cli/run-arguments.js'
import { RUN_SETTINGS, type RunSetting } from '../src/settings/run/run-settings.js'
import type { JsonSchema } from './json-schema.js'

type Language = 'en' | 'zh'

const COLUMNS: Readonly<Record<Language, readonly string[]>> = {
  en: ['flag', 'variable', 'nacos.yaml', 'setting', 'meaning'],
  zh: ['参数', '环境变量', 'nacos.yaml', '设置', '含义'],
}

/** A page with its table of the flags, between two comments, as the table of the settings of `run` has them. */
export function withRunTable(page: string, language: Language): string {
  const code = (text: string) => (text === '' ? '' : `\`${text.replaceAll('|', '\\|')}\``)
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const lines = RUN_SETTINGS.map((one) =>
    row([
      code(flagText(one)),
      one.env.map(code).join(', '),
      code(one.field),
      code(one.setting),
      one[language].replaceAll('|', '\\|'),
    ]),
  )
  const own = RUN_COMMAND_FLAGS.map((one) => {
    const flag = `--${one.flag}${one.placeholder ? ` <${one.placeholder}>` : ''}`
    return row([code(flag), '', '', '', one[language]])
  })
  const columns = COLUMNS[language]
  const table = [row(columns), `|${'---|'.repeat(columns.length)}`, ...lines, ...own].join('\n')
  return page.replace(/(?<=<!-- flags -->\n)[^]*?(?=<!-- \/flags -->)/, () => `\n${table}\n\n`)
}

const PLACEHOLDER: JsonSchema = { type: 'string', pattern: '[$][{<]' }
const SECONDS = String.raw`^\s*\d+(\.\d+)?\s*(ms|s|m|h)?\s*$`
const TYPES: Readonly<Record<RunSetting['takes'], JsonSchema>> = {
  text: { type: ['string', 'number', 'boolean', 'null'] },
  list: { anyOf: [{ type: ['string', 'null'] }, { type: 'array', items: { type: 'string' } }] },
  number: { anyOf: [{ type: ['number', 'null'] }, PLACEHOLDER] },
  seconds: { anyOf: [{ type: ['number', 'null'], minimum: 0 }, { type: 'string', pattern: SECONDS }, PLACEHOLDER] },
  switch: { anyOf: [{ type: ['boolean', 'null'] }, PLACEHOLDER] },
  pairs: { type: ['object', 'null'] },
}

/** nacos.schema.json: the sections at the top or below `nacos:`, beside keys of bootstrap.yml. */
export function nacosFileSchema(): JsonSchema {
  const fields: JsonSchema = { type: ['object', 'null'], properties: {} }
  for (const row of RUN_SETTINGS) {
    const path = row.field.split('.')
    const leaf = path.pop()!
    let section = fields
    for (const name of path) section = section.properties![name] ??= { type: ['object', 'null'], properties: {} }
    const type = row.orValue ? { anyOf: [...TYPES.switch.anyOf!, ...TYPES.seconds.anyOf!] } : TYPES[row.takes]
    const unit = row.takes === 'seconds' ? ' In seconds, or with a unit: 500ms, 2m.' : ''
    section.properties![leaf] = { description: `${row.en}${unit}`, ...type }
  }
  const sections = () =>
    Object.fromEntries(Object.keys(fields.properties!).map((name) => [name, { $ref: `#/definitions/${name}` }]))
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: 'https://unpkg.com/nacos-sidecar/nacos.schema.json',
    title: 'nacos.yaml of nacos-sidecar',
    type: ['object', 'null'],
    properties: { nacos: { type: ['object', 'null'], properties: sections() }, ...sections() },
    definitions: fields.properties!,
  }
}
