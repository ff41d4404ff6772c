import { readFileSync } from 'node:fs'
import { CORE_SCHEMA, load, mergeTag } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { CHINESE_PAGE_FILE, PAGE_FILE, SCHEMA_FILE, TYPE_FILE, render } from '../../../scripts/write-schema.js'

const text = readFileSync(SCHEMA_FILE, 'utf8')
const schema = z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0])
const accepts = (yaml: string) => schema.safeParse(load(yaml, { schema: CORE_SCHEMA.withTags(mergeTag) })).success

test('bootstrap.schema.json, the pages and the type of the settings are up to date (npm run schema)', async () => {
  expect(await render()).toEqual({
    schema: text,
    page: readFileSync(PAGE_FILE, 'utf8'),
    chinesePage: readFileSync(CHINESE_PAGE_FILE, 'utf8'),
    type: readFileSync(TYPE_FILE, 'utf8'),
  })
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
