import { describe, expect, test } from 'vitest'
import { isStale, readTranslation } from '../../../scripts/settings-translations.js'
import { settingRows } from '../../../scripts/settings-page.js'
import type { JsonSchema } from '../../../scripts/json-schema.js'
import { blocksOf, docPages, headingsOf, readPage } from '../../support/doc-pages.js'

const original = (page: string) => page.replace('docs/zh-CN/', 'docs/').replace('.zh-CN.md', '.md')
/** As it is described now: test/unit/settings/json-schema.test.ts compares it with the sources. */
const schema = JSON.parse(readPage('bootstrap.schema.json')) as JsonSchema
const translated = docPages().filter((page) => page !== original(page))

test('there are translations of the first pages a reader needs', () => {
  expect(translated.sort()).toEqual([
    'README.zh-CN.md',
    'docs/zh-CN/command-line.md',
    'docs/zh-CN/console.md',
    'docs/zh-CN/deployment.md',
    'docs/zh-CN/events.md',
    'docs/zh-CN/gateway.md',
    'docs/zh-CN/migration.md',
    'docs/zh-CN/nameko.md',
    'docs/zh-CN/nest.md',
    'docs/zh-CN/quick-start.md',
    'docs/zh-CN/recipes.md',
    'docs/zh-CN/service.md',
    'docs/zh-CN/settings.md',
    'docs/zh-CN/testing.md',
  ])
})

describe.each(translated.map((page) => [page, original(page)] as const))('%s is in step with %s', (page, source) => {
  test('the headings, by level and order', () => {
    expect(headingsOf(page).map(({ level }) => level)).toEqual(headingsOf(source).map(({ level }) => level))
  })

  test('the code, word for word', () => {
    const code = (from: string) => blocksOf(from).map(({ language, code, notes }) => ({ language, code, notes }))
    expect(code(page)).toEqual(code(source))
  })

  test('the tables and lists, row by row: a row is as long, and begins with the same code', () => {
    const rows = (from: string) =>
      [...readPage(from).matchAll(/^(?:\|.*\||- |\d+\. )/gm)].map(([row]) => ({
        cells: row.split(/(?<!\\)\|/).length,
        first: /^\| (`[^`]+`) \|/.exec(row)?.[1],
      }))
    expect(rows(page)).toEqual(rows(source))
  })
})

describe.each(translated)('%s is set as Chinese is set', (page) => {
  // Targets of links and what stands in backticks are no text.
  const lines = readPage(page)
    .replace(/^```[^]*?^```$/gm, '```')
    .replace(/`[^`\n]+`/g, 'code')
    .replace(/\]\([^)]*\)/g, ']')
    .split('\n')

  test('no line break inside a paragraph: it would be shown as a space', () => {
    const isText = (line = '') => /^\s*[^\s|#`<]/.test(line)
    const isItem = (line = '') => /^\s*(?:-|\d+\.) /.test(line)
    expect(lines.filter((line, at) => isText(line) && isText(lines[at + 1]) && !isItem(lines[at + 1]))).toEqual([])
  })

  test('full-width punctuation beside Chinese', () => {
    expect(lines.filter((line) => /\p{Script=Han}[,;:?!()]|[,;:?!()]\p{Script=Han}/u.test(line))).toEqual([])
  })

  test('none of the words that the table of CONTRIBUTING.md has another word for', () => {
    const refused = /健康检查页面|类型化客户端|认证服务|跟踪信息|应答|进行中的请求|定时器|跟随变更/
    expect(lines.filter((line) => refused.test(line))).toEqual([])
  })

  test('a space between Chinese and Latin letters or digits', () => {
    expect(lines.filter((line) => /\p{Script=Han}[A-Za-z0-9]|[A-Za-z0-9]\p{Script=Han}/u.test(line))).toEqual([])
  })
})

test('scripts/settings.zh-CN.yml translates each setting as it is described now', () => {
  const { keys } = readTranslation()
  const rows = settingRows(schema)
  expect(rows.filter(({ path }) => !keys[path]?.zh).map(({ path }) => path)).toEqual([])
  // Translate the new text, then write it below `en`.
  expect(rows.filter((row) => keys[row.path] && isStale(keys[row.path]!, row)).map(({ path }) => path)).toEqual([])
  const paths = new Set(rows.map(({ path }) => path))
  expect(Object.keys(keys).filter((key) => !paths.has(key))).toEqual([])
})

test('scripts/settings.zh-CN.yml translates each default that is a phrase', () => {
  const { keys } = readTranslation()
  const phrases = settingRows(schema).filter(({ fallback }) => /\w \w/.test(fallback))
  expect(phrases.length).toBeGreaterThan(10)
  expect(phrases.filter(({ path }) => !keys[path]?.default).map(({ path }) => path)).toEqual([])
})
