import { readFileSync } from 'node:fs'
import { CORE_SCHEMA, load, mergeTag } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  CHINESE_COMMAND_LINE_FILE,
  CHINESE_PAGE_FILE,
  COMMAND_LINE_FILE,
  NACOS_SCHEMA_FILE,
  PAGE_FILE,
  SCHEMA_FILE,
  render,
  renderRun,
} from '../../../scripts/write-schema.js'
import { RUN_SETTINGS } from '../../../src/settings/run/run-settings.js'

const text = readFileSync(SCHEMA_FILE, 'utf8')
const schema = z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0])
const nacosSchema = z.fromJSONSchema(JSON.parse(readFileSync(NACOS_SCHEMA_FILE, 'utf8')) as never)
const accepts = (yaml: string) => schema.safeParse(load(yaml, { schema: CORE_SCHEMA.withTags(mergeTag) })).success

test('bootstrap.schema.json, the pages and the types of the settings are up to date (npm run schema)', async () => {
  const rendered = await render()
  expect(rendered).toEqual({
    schema: text,
    page: readFileSync(PAGE_FILE, 'utf8'),
    chinesePage: readFileSync(CHINESE_PAGE_FILE, 'utf8'),
    types: Object.fromEntries(Object.keys(rendered.types).map((file) => [file, readFileSync(file, 'utf8')])),
  })
})

test('nacos.schema.json and the tables of the command line are up to date (npm run schema)', async () => {
  expect(await renderRun()).toEqual({
    nacosSchema: readFileSync(NACOS_SCHEMA_FILE, 'utf8'),
    commandLine: readFileSync(COMMAND_LINE_FILE, 'utf8'),
    chineseCommandLine: readFileSync(CHINESE_COMMAND_LINE_FILE, 'utf8'),
  })
})

test('the page of the command line has each flag', () => {
  const page = readFileSync(COMMAND_LINE_FILE, 'utf8')
  for (const { flag, field } of RUN_SETTINGS) expect(page).toMatch(new RegExp(`^\\|.*${flag ?? field}.*\\|$`, 'm'))
})

test.each([
  ['nacos: { server: "a:1", service: { name: x, weight: 1.0, metadata: { version: 1.0.0 } } }', true],
  ['service: { port: null }\nheartbeat: { interval: 3, timeout: 500ms }\nlogging: { level: INFO, file: null }', true],
  ['nacos: { discovery: { empty_protection: 7s } }\nsidecar.poll-interval: 3s', true],
  ['service: { port: 80a }', false],
  ['nacos: { registration: { auto_register: maybe } }', false],
  ['heartbeat: { interval: soon }', false],
])('nacos.schema.json, %s: %s', (yaml, valid) => {
  expect(nacosSchema.safeParse(load(yaml, { schema: CORE_SCHEMA.withTags(mergeTag) })).success).toBe(valid)
})

test('editors get descriptions and defaults', () => {
  const { definitions } = JSON.parse(text) as { definitions: Record<string, { properties: Record<string, unknown> }> }
  expect(definitions['sidecar']!.properties['drain']).toMatchObject({
    description: expect.stringContaining('deregistered'),
    default: 'auto',
  })
  expect(JSON.stringify(definitions['cloud'])).toContain('heart-beat-interval')
  expect(text).not.toContain('heartBeatInterval')
})

const NACOS = `
application: { name: orders }
cloud:
  nacos:
    server-addr: 127.0.0.1:8848
    request-timeout: 5s
    discovery:
      heart-beat-interval: 10s
      heart-beat-timeout: PT30S
      weight: "\${WEIGHT:1}"
      metadata: { version: 1.10, preserved: { x: 1 } }
    config:
      file-extension: yml
      shared-configs: [a.yml, { data-id: b.yml, group: G, refresh: on }]
config: { import: "optional:nacos:a.yml" }
`

describe('accepts', () => {
  test.each([
    ['kebab keys', NACOS],
    ['the same below spring:', `spring:${NACOS.replaceAll('\n', '\n  ')}\nserver: { port: 80 }`],
    [
      "both mixed, and what is an app's own",
      `spring: { application: { name: x } }\ncloud: { nacos: {} }\nmy: { own: [1] }`,
    ],
    ['dotted keys', 'spring.cloud.nacos.discovery.server-addr: x'],
    ['a section with nothing in it', 'auth:\nserver: { port: 1 }'],
    [
      'placeholders anywhere',
      'server: { port: "${PORT}" }\nauth: { enabled: $<AUTH:on>, mount: "${M}" }\nsidecar: { drain: "${D}" }',
    ],
    ['Spring log levels', 'logging: { level: { root: INFO, com: { example: TRACE } } }'],
    ['nothing at all', 'null'],
  ])('%s', (_, yaml) => expect(accepts(yaml)).toBe(true))
})

describe('refuses', () => {
  test.each([
    'server: { port: 80a }',
    'server: { port: 70000 }',
    'spring: { server: { port: 80a } }',
    'sidecar: { drain: soon }',
    'auth: { enabled: maybe }',
    'auth: { mount: last }',
    'cloud: { nacos: { config: { shared-configs: [{ group: G }] } } }',
  ])('%s', (yaml) => expect(accepts(yaml)).toBe(false))
})
