import { config, configLocal, configRemote } from 'nacos-sidecar'
import { afterEach, expect, test } from 'vitest'
import { setActiveStore } from '../../../src/config/accessors.js'
import { readYaml } from '../../../src/properties/yaml.js'
import { loadBootstrap } from '../../support/bootstrap.js'
import { tempFolder } from '../../support/temp-folder.js'

const cwd = process.cwd()
const lines: string[] = []
const logger = { debug: () => {}, info: () => {}, warn: (line: string) => lines.push(line), error: () => {} }

afterEach(() => {
  setActiveStore(undefined)
  lines.length = 0
})

test('config, configLocal and configRemote look at their layers and convert', () => {
  const { store } = loadBootstrap('server.port: "9202"\nflag: "on"\nversion: 1.10\na: local', { vars: { B: 'env' } })
  setActiveStore(store, logger)
  store.setRemote([{ name: 'r.yml', layer: 'remote', entries: readYaml('a: remote\nb: remote', 'r.yml').flat() }])
  expect(configLocal('server.port', 1)).toBe(9202)
  expect(configLocal('spring.server.port', 1)).toBe(9202)
  expect(config('flag', false)).toBe(true)
  expect(config('version', '')).toBe('1.10')
  expect([config('a'), configLocal('a'), configRemote('a')]).toEqual(['remote', 'local', 'remote'])
  expect([config('b'), configLocal('b'), configRemote('b')]).toEqual(['env', 'env', 'remote'])
  expect([config('none'), config('none', 5)]).toEqual([undefined, 5])
  const refused = (message: string) => expect.objectContaining({ code: 'SIDECAR_CONFIG_TYPE', message })
  expect(() => config('a', 1)).toThrow(refused('r.yml:1:4: a: expected a number, got "remote"'))
  expect(() => configLocal('a', 1)).toThrow(refused('bootstrap.yml:4:4: a: expected a number, got "local"'))
  expect(() => config('b', 1)).toThrow(refused('environment B: b: expected a number, got "env"'))
  expect(lines).toEqual([])
})

test('configRemote before the first pull answers the default and warns once', () => {
  setActiveStore(loadBootstrap('a: local').store, logger)
  expect([configRemote('a', 'default'), configRemote('b', 2)]).toEqual(['default', 2])
  expect(lines).toEqual([expect.stringMatching(/^SIDECAR_CONFIG_NOT_READY: configRemote\('a'\)/)])
})

test('without initSidecar, bootstrap.yml is loaded at the first look-up', () => {
  const folder = tempFolder({ 'bootstrap.yml': 'server.port: 9311' })
  process.chdir(folder)
  try {
    expect(configLocal('server.port', 1)).toBe(9311)
  } finally {
    process.chdir(cwd)
  }
  // And kept, wherever the process is by then.
  expect(configLocal('server.port', 1)).toBe(9311)
})

test('and where there is none, the default is good enough', () => {
  process.chdir(tempFolder())
  try {
    expect(configLocal('server.port', 9202)).toBe(9202)
  } finally {
    process.chdir(cwd)
  }
})
