import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import * as agentWay from 'nacos-sidecar/agent'
import * as axiosWay from 'nacos-sidecar/axios'
import * as devServer from 'nacos-sidecar/dev-server'
import * as eventsWay from 'nacos-sidecar/events'
import * as index from 'nacos-sidecar'
import { Sidecar } from '../../src/sidecar.js'
import * as testing from 'nacos-sidecar/testing'
import * as serviceWay from 'nacos-sidecar/service'
import * as undiciWay from 'nacos-sidecar/undici'
import { docPages } from '../support/doc-pages.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const pages = docPages()
const api = read('docs/api.md')
/** Everything in backticks or fences: what a page says of code. */
const codeOf = (page: string) => (page.match(/```[^]*?```|`[^`\n]+`/g) ?? []).join('\n')
const words = (text: string) => new Set(text.match(/[\w$]+/g))
/** Names of the members of an interface or class, as its source has them: two blanks in front. */
const membersIn = (path: string, start: RegExp) => {
  const [, body = ''] = new RegExp(`${start.source}[^]*?\\{\\n([^]*?)\\n\\}`).exec(read(path)) ?? []
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map(([, name]) => name!)
}

describe('docs/api.md names', () => {
  const said = words(codeOf(api))

  test.each([
    [
      'the values',
      Object.keys({
        ...index,
        ...agentWay,
        ...axiosWay,
        ...undiciWay,
        ...eventsWay,
        ...serviceWay,
        ...testing,
        ...devServer,
      }),
    ],
    ['the events', membersIn('src/events.ts', /interface SidecarEvents/)],
    ['the options of a sidecar', membersIn('src/sidecar-options.ts', /interface SidecarOptions/)],
    ['the options of a call', membersIn('src/feign/options.ts', /interface CallOptions/)],
    ['the options of a client', membersIn('src/feign/options.ts', /interface ClientOptions/)],
    [
      'the fields of a sidecar',
      membersIn('src/sidecar.ts', /class Sidecar/).filter((name) => !['runtime', 'host'].includes(name)),
    ],
    [
      'its methods',
      Object.getOwnPropertyNames(Sidecar.prototype).filter((name) => !/^constructor$|^toJSON$/.test(name)),
    ],
  ])('%s', (_, names) => {
    expect(names.length).toBeGreaterThan(1)
    expect(names.filter((name) => !said.has(name))).toEqual([])
  })
})

test('docs/errors.md has a row for each code, and for nothing else', () => {
  const codes = [...read('src/errors.ts').matchAll(/^ {2}\| '(\w+)'$/gm)].map(([, code]) => code)
  const rows = [...read('docs/errors.md').matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code)
  expect(rows).toEqual(codes)
})

test.each(pages.filter((page) => page.startsWith('README')))(
  '%s says why each runtime dependency is there, and how large it is',
  (page) => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: object }
    const rows = [...read(page).matchAll(/^\| \[([\w@/-]+)\]\(https:\/\/github\.com\/[^)]*\) \| .+ \| .+ \|$/gm)]
    expect(rows.map(([, name]) => name).sort()).toEqual(Object.keys(dependencies).sort())
  },
)

test.each(pages)('%s names machines, not persons', (page) => {
  // The style guide shows such sentences on purpose.
  const text = page === 'CONTRIBUTING.md' ? read(page).replace(/^### Prose[^]*?(?=^## )/m, '') : read(page)
  expect(text.match(/\b(?:nobody|somebody|anybody|everybody|whoever|whomever|whom)\b/gi) ?? []).toEqual([])
})

test.each(pages)('the links of %s lead somewhere', (page) => {
  const slugs = (text: string) =>
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_\- ]/gu, '')
        .replaceAll(' ', '-'),
    )
  const dead = [...read(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].filter(([, path, anchor]) => {
    const target = path ? join(dirname(page), path) : page
    return !existsSync(join(root, target)) || (anchor !== undefined && !slugs(read(target)).includes(anchor))
  })
  expect(dead.map(([link]) => link)).toEqual([])
})

test('docs/troubleshooting.md quotes lines that src logs', () => {
  const [, table = ''] = /^## Lines of the log\n([^]*?)^## /m.exec(read('docs/troubleshooting.md')) ?? []
  const quoted = [...table.matchAll(/^\| `([^`]+)` \|/gm)].flatMap(([, line]) => line!.split('…'))
  const parts = quoted.map((part) => part.trim()).filter((part) => part.length > 3)
  expect(parts.length).toBeGreaterThan(15)
  const files = readdirSync(join(root, 'src'), { recursive: true }).map(String)
  // A message may go on in the next line of the source.
  const source = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => read(`src/${file}`).replace(/['`] \+\n\s*['`]/g, ''))
    .join('\n')
  expect(parts.filter((part) => !source.includes(part))).toEqual([])
})

describe('docs/architecture.md', () => {
  const page = read('docs/architecture.md')
  const files = readdirSync(join(root, 'src'), { recursive: true }).map((path) => String(path).replaceAll('\\', '/'))
  const tree = new Set([...files, ...files.map((path) => path.split('/').at(-1)!)])

  test('names no file that is not there', () => {
    const named = [...codeOf(page).matchAll(/(?<![\w./-])([\w-]+(?:\/[\w-]+)*\.ts)\b/g)].map(([, path]) => path!)
    expect(named.length).toBeGreaterThan(40)
    const exists = (path: string) =>
      tree.has(path) || ['', 'test', 'src'].some((folder) => existsSync(join(root, folder, path)))
    expect(named.filter((path) => !exists(path) && !files.some((file) => file.endsWith(`/${path}`)))).toEqual([])
  })

  test('accounts for each folder and each file at the top of src', () => {
    const [table = ''] = /^\| folder[^]*?\n\n/m.exec(page) ?? []
    const house = codeOf(table)
    expect(readdirSync(join(root, 'src')).filter((name) => !house.includes(name))).toEqual([])
  })
})

test.each(['CONTRIBUTING.md', 'SECURITY.md'])('%s names no file or folder that is not there', (page) => {
  const named = [...codeOf(read(page)).matchAll(/(?<![\w./-])(?:src|test|scripts|docs|examples)\/[\w./-]*\w/g)]
  expect(named.length).toBeGreaterThan(10)
  expect(named.map(([path]) => path).filter((path) => !existsSync(join(root, path)))).toEqual([])
})

test('test/support/README.md names each builder, and only those that are there', () => {
  const page = read('test/support/README.md')
  const named = [...page.matchAll(/`([\w-]+\.ts)`/g)].map(([, file]) => file!)
  const files = readdirSync(join(root, 'test/support')).filter((file) => file.endsWith('.ts'))
  expect([...new Set(named)].sort()).toEqual(files.sort())
  const code = files.map((file) => read(`test/support/${file}`)).join('\n')
  const calls = [...page.matchAll(/`(\w+)\(/g)].map(([, name]) => name!)
  expect(calls.length).toBeGreaterThan(40)
  expect(calls.filter((name) => !new RegExp(`export .*\\b${name}\\b`).test(code))).toEqual([])
})

test('no example is torn apart: a line of a doc comment that begins with @ is a tag to an editor', () => {
  const files = readdirSync(join(root, 'src'), { recursive: true }).map(String)
  const tags = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...read(`src/${file}`).matchAll(/^ *(?:\/\*)?\* +@(\w+)/gm)].map(([, tag]) => tag!))
  expect([...new Set(tags)].sort()).toEqual(['default', 'example', 'internal', 'param', 'returns', 'throws'])
})
