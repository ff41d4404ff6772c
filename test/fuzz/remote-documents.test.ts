import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, expect } from 'vitest'
import type { ConfigListener } from '../../src/nacos/transport.js'
import { collectLog } from '../support/collect.js'
import { leastStall } from '../support/cost.js'
import { createMemoryTransport } from '../support/memory-transport.js'
import { Sidecar } from '../../src/sidecar.js'
import { costlyTexts, propertiesTexts, xmlTexts, yamlTexts } from './documents.js'
import { CANARY, fuzz, MAX_STALL_MS, readOrRefused } from './fuzz.js'

const GOOD = 'still: here\n'

/** A sidecar that follows one document, `fuzz.<extension>`, and one good one below it. */
async function follow(extension: string) {
  const dataId = `fuzz.${extension}`
  const listeners = new Map<string, ConfigListener>()
  const key = (of: string) => ({ namespace: '', group: 'DEFAULT_GROUP', dataId: of })
  const item = (of: string, content: string) => ({
    ...key(of),
    content,
    md5: createHash('md5').update(content).digest('hex'),
  })
  const logger = collectLog()
  const sidecar = new Sidecar(undefined, {
    configPath: false,
    signals: false,
    logger,
    transport: {
      ...createMemoryTransport(),
      getConfig: async ({ dataId: asked }) => (asked === 'good.yml' ? item(asked, GOOD) : undefined),
      watchConfig({ dataId: watched }, _md5, listener) {
        listeners.set(watched, listener)
        return () => void listeners.delete(watched)
      },
    },
    settings: {
      'cloud.nacos.discovery.register-enabled': false,
      'cloud.nacos.config.shared-configs': [
        { 'data-id': 'good.yml', refresh: true },
        { 'data-id': dataId, refresh: true },
      ],
      'cloud.nacos.password': CANARY,
    },
  })
  await sidecar.ready
  return { sidecar, logger, push: (content: string) => listeners.get(dataId)!(item(dataId, content)) }
}

function target(extension: string, texts: fc.Arbitrary<string>): void {
  let following: ReturnType<typeof follow> | undefined
  afterAll(async () => (await following)?.sidecar.stop({ drain: false }))
  fuzz(`a ${extension} document in Nacos applies whole or not at all`, texts, async (text) => {
    const { sidecar, logger, push } = await (following ??= follow(extension))
    const stall = await leastStall(1, async () => push(text))
    // A second look where another process took the time, or the code was cold.
    if (stall > MAX_STALL_MS)
      expect(await leastStall(3, async () => (push(''), push(text)))).toBeLessThanOrEqual(MAX_STALL_MS)
    expect(sidecar.config.get('still')).toBe('here')
    for (const key of ['a', 'k0', 'd0', 'db.pool', 'spring.application.name']) {
      const { value } = readOrRefused(() => sidecar.config.get(key))
      JSON.stringify(value)
      JSON.stringify(sidecar.config.explain(key))
    }
    expect(logger.lines.splice(0).join('\n')).not.toContain(CANARY)
  })
}

target('yml', fc.oneof(yamlTexts, costlyTexts))
target('json', yamlTexts)
target('properties', fc.oneof(propertiesTexts, costlyTexts))
target('xml', fc.oneof(xmlTexts, yamlTexts))
