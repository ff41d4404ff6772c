import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadSettings } from '../../src/settings/load.js'
import { loadError } from '../support/bootstrap.js'
import { tempFolder } from '../support/temp-folder.js'

test('fault 31: bootstrap.yml is missing: every path that was looked for', () => {
  const folder = tempFolder({ 'cwd/x': '', 'app/package.json': '{}', 'app/main.js': '' })
  const load = () => loadSettings({ cwd: join(folder, 'cwd'), main: join(folder, 'app/main.js'), env: {}, argv: [] })
  expect(load).toThrow(expect.objectContaining({ code: 'SIDECAR_SETTINGS_NOT_FOUND' }))
  for (const path of ['cwd/bootstrap.yml', 'cwd/bootstrap.yaml', 'app/bootstrap.yml', 'app/bootstrap.yaml']) {
    expect(load).toThrow(join(folder, path))
  }
})

test('fault 31: the path that was asked for is missing, whatever else lies about', () => {
  const error = loadError('application.name: other', {
    vars: { SIDECAR_CONFIG: 'config/mine.yml', NACOS_SERVER: 'n:1' },
  })
  expect(error).toMatchObject({
    code: 'SIDECAR_SETTINGS_NOT_FOUND',
    message: expect.stringMatching(/\/config\/mine\.yml\b/),
  })
})

test('fault 31: a dangling or unreadable file says which and why', () => {
  const cwd = tempFolder({ 'bootstrap.yml': 'a: 1' })
  chmodSync(join(cwd, 'bootstrap.yml'), 0)
  const read = () => loadSettings({ cwd, env: {}, argv: [], main: cwd })
  // Root reads everything.
  if (process.getuid?.() !== 0) {
    expect(read).toThrow(
      expect.objectContaining({
        code: 'SIDECAR_SETTINGS_UNREADABLE',
        message: expect.stringContaining('bootstrap.yml'),
      }),
    )
  }
  const folder = tempFolder()
  mkdirSync(join(folder, 'conf.yml'))
  expect(() => loadSettings({ cwd: folder, configPath: 'conf.yml', env: {}, argv: [], main: folder })).toThrow(
    expect.objectContaining({ message: expect.stringContaining('conf.yml') }),
  )
  const large = loadError('# '.padEnd(2_000_000, 'x'))
  expect(large).toMatchObject({
    code: 'SIDECAR_SETTINGS_UNREADABLE',
    message: expect.stringMatching(/^bootstrap\.yml .*2000000 bytes/),
  })
})
