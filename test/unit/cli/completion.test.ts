import { describe, expect, test } from 'vitest'
import { candidatesFor } from '../../../src/cli/completion-candidates.js'
import { createProgram } from '../../../src/cli/program.js'
import { RUN_SETTINGS } from '../../../src/settings/run/run-settings.js'
import { devRegistry, form } from '../../support/registry.js'

const program = createProgram('0.0.0')
const complete = async (...words: string[]) => (await candidatesFor(program, words)).map(({ value }) => value)

describe('completion', () => {
  test('commands, flags, values and methods come from the commands themselves', async () => {
    const names = program.commands.map((command) => command.name()).filter((name) => name !== 'complete')
    expect(await complete('')).toEqual(names)
    expect(await complete('do')).toEqual(['doctor'])
    expect(await complete('timers', '--po')).toEqual(['--port'])
    expect(await complete('config', '')).toEqual(['show', 'get', 'explain', 'watch', 'set'])
    expect(await complete('config', 'set', '--c')).toEqual(['--cas', '--config'])
    expect(await complete('dev', '--v3-list', '')).toEqual(['all', 'default'])
    expect(await complete('completion', 'z')).toEqual(['zsh'])
    expect(await complete('call', 'orders', 'P')).toEqual(['POST', 'PUT', 'PATCH'])
  })

  test('run: each flag of the table, also after the script, and files elsewhere', async () => {
    const flags = RUN_SETTINGS.flatMap(({ flag }) => (flag === undefined ? [] : [`--${flag}`]))
    expect(await complete('run', '--')).toEqual(expect.arrayContaining([...flags, '--no-auto-register', '--dry-run']))
    expect(await complete('run', 'app.js', '--service-w')).toEqual(['--service-weight'])
    expect(await complete('run', 'app.js', '--', '--service-w')).toEqual([])
    expect(await complete('run', 'ap')).toEqual([])
  })

  test('services and data ids of a registry; none where it is down', async () => {
    const registry = await devRegistry()
    for (const serviceName of ['orders', 'order-items', 'users'])
      await form(registry, 'POST', '/v1/ns/instance', { serviceName, ip: '10.0.0.1', port: 80 })
    for (const dataId of ['orders.yml', 'users.yml'])
      await form(registry, 'POST', '/v1/cs/configs', { dataId, group: 'SHOP', content: 'a: 1' })
    const at = ['--nacos-server', registry.address]
    expect(await complete('call', ...at, 'ord')).toEqual(['order-items', 'orders'])
    for (const command of ['services', 'timers'])
      expect(await complete(command, ...at, '')).toEqual(['order-items', 'orders', 'users'])
    expect(await complete('config', 'set', ...at, 'or')).toEqual(['orders.yml'])
    expect(await complete('config', 'set', ...at, 'orders.yml', '')).toEqual([])
    expect(await complete('services', '--nacos-server', '127.0.0.1:1', '')).toEqual([])
  })
})
