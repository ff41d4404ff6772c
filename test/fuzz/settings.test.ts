import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterAll, expect } from 'vitest'
import { loadSettings, type LoadOptions } from '../../src/settings/load.js'
import { tempFolder } from '../support/temp-folder.js'
import { costlyTexts, propertiesTexts, trees, yamlTexts } from './documents.js'
import { CANARY, expectNoStall, fuzz, readOrRefused } from './fuzz.js'

const folder = tempFolder({}, afterAll)

const SECRETS = { NACOS_PASSWORD: CANARY, DB_PASSWORD: CANARY }

/** Before the app listens: no lease can be lost yet. */
const MAX_START_MS = 500

function load(options: LoadOptions): void {
  expectNoStall(MAX_START_MS, () => {
    const { value } = readOrRefused(() => loadSettings({ cwd: folder, main: '', argv: [], env: SECRETS, ...options }))
    if (!value) return
    const { settings, warnings, store } = value
    expect(`${JSON.stringify(settings)}\n${inspect(settings, { depth: 20 })}\n${warnings.join('\n')}`).not.toContain(
      CANARY,
    )
    readOrRefused(() => store.get('a'))
    readOrRefused(() => store.get('db.pool'))
    expect(JSON.stringify(store.explain('db.password'))).not.toContain(CANARY)
  })
}

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

fuzz('bootstrap.yml is read, or refused by a SidecarError', fc.oneof(yamlTexts, costlyTexts), (text) =>
  load({ configPath: file('bootstrap.yml', text) }),
)

fuzz('bootstrap.properties is read, or refused by a SidecarError', propertiesTexts, (text) =>
  load({ configPath: file('bootstrap.properties', text) }),
)

fuzz('settings given in code are read, or refused by a SidecarError', trees, (overrides) =>
  load({ configPath: false, overrides }),
)

const variableNames = fc.oneof(
  fc.constantFrom(
    ...['SPRING_APPLICATION_NAME', 'SPRING_APPLICATION_JSON', 'SPRING_PROFILES_ACTIVE', 'SERVER_PORT', 'NACOS_SERVER'],
    ...['SIDECAR_DRAIN', 'SPRING_CLOUD_NACOS_DISCOVERY_METADATA_A', 'SPRING_CLOUD_NACOS_CONFIG_SHAREDCONFIGS_0_DATAID'],
    ...[
      'AUTH_EXCLUDEPATHS_0',
      'A',
      'A_0',
      'A_B',
      'DB_POOL',
      'NACOS_SERVICE_IP',
      'NACOS_SIDECAR_OVERRIDE_user-service',
      '__PROTO__',
      'CONSTRUCTOR',
    ],
  ),
  fc.string({ maxLength: 12 }).filter((name) => !/[=\0]/.test(name) && name !== ''),
)
const variableTexts = fc.oneof(
  yamlTexts,
  fc.string({ maxLength: 30 }),
  fc.constantFrom('', '${A}', '${a:b}', '{"a":{"b":1}}', '-1', 'auto'),
)

fuzz(
  'the environment is read, or refused by a SidecarError',
  fc.array(fc.tuple(variableNames, variableTexts), { maxLength: 8 }),
  (pairs) => load({ configPath: false, env: { ...Object.fromEntries(pairs), ...SECRETS } }),
)

fuzz(
  'the command line is read, or refused by a SidecarError',
  fc.array(
    fc.tuple(
      fc.constantFrom(
        '--server.port=',
        '--a.b=',
        '--spring.application.json=',
        '--',
        '-',
        '--a.b[0]=',
        '--__proto__.x=',
      ),
      variableTexts,
    ),
    { maxLength: 6 },
  ),
  (pairs) => load({ configPath: false, argv: pairs.map((pair) => pair.join('')) }),
)
