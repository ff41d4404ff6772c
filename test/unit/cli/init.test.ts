import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { createProgram } from '../../../src/cli/program.js'
import { loadSettings } from '../../../src/settings/load.js'
import { tempFolder } from '../../support/temp-folder.js'

afterEach(() => vi.restoreAllMocks())

async function init(files: Record<string, string>, ...args: string[]) {
  const folder = tempFolder(files)
  vi.spyOn(process, 'cwd').mockReturnValue(folder)
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  await createProgram('0.0.0').parseAsync(['init', ...args], { from: 'user' })
  return { folder, said: log.mock.calls.join('\n') }
}

test('writes a file that the sidecar reads', async () => {
  const { folder, said } = await init(
    { 'package.json': '{"name":"@shop/orders"}' },
    '--nacos-server',
    'n1:8848,n2:8848',
  )
  const { settings, warnings } = loadSettings({ cwd: folder, env: {}, argv: [], main: join(folder, 'app.js') })
  expect(warnings).toEqual([])
  expect([settings.application.name, settings.cloud.nacos.serverAddr]).toEqual(['orders', 'n1:8848,n2:8848'])
  expect(said).toContain('npx nacos-sidecar run')
})

test.each([
  ['a file that is there', { 'bootstrap.yml': 'a: 1' }, [], 'bootstrap.yml is there already'],
  ['another form of it', { 'nacos.yaml': 'a: 1' }, [], 'nacos.yaml is there already'],
  ['a name that none can have', { 'package.json': '{"name":"a b"}' }, [], '"a b" is not a service name'],
])('refuses %s, and writes nothing', async (_, files, args, why) => {
  await expect(init(files, ...args)).rejects.toThrow(why)
  const file = join(process.cwd(), 'bootstrap.yml')
  expect(existsSync(file) ? readFileSync(file, 'utf8') : undefined).toBe('bootstrap.yml' in files ? 'a: 1' : undefined)
})
