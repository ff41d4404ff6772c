import { homedir, hostname } from 'node:os'
import { describe, expect, test } from 'vitest'
import { loadBootstrap, loadError } from '../../support/bootstrap.js'

const valueOf = (placeholder: string, vars: Record<string, string> = {}) =>
  loadBootstrap(`a: '${placeholder}'`, { vars }).store.text('a')

describe('what every Spring process knows', () => {
  test.each([
    ['${user.home}/logs', `${homedir()}/logs`],
    ['${user.dir}', process.cwd()],
    ['${PID}', String(process.pid)],
    ['${spring.cloud.client.hostname}', hostname()],
  ])('%s', (placeholder, value) => expect(valueOf(placeholder)).toBe(value))

  test('an address of this machine', () =>
    expect(valueOf('${spring.cloud.client.ip-address}:${server.port:80}')).toMatch(/^\d+(\.\d+){3}:80$/))

  test('a variable, and a default, go before', () => {
    expect(valueOf('${user.home}', { USER_HOME: '/srv' })).toBe('/srv')
    expect(valueOf('${user.nickname:none}')).toBe('none')
  })

  test('is a placeholder only, no property', () => {
    expect(loadBootstrap('a: 1').store.get('user.home')).toBeUndefined()
  })
})

describe('random values', () => {
  test.each([
    ['${random.value}', /^[0-9a-f]{32}$/],
    ['${random.uuid}', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/],
    ['${random.int}', /^-?\d{1,10}$/],
    ['${random.long}', /^-?\d{1,19}$/],
    ['${random.int(3)}', /^[012]$/],
    ['${random.int(3,5)}', /^[34]$/],
    ['${random.int[1024,1026]}', /^102[45]$/],
    ['${random.long[-2,0]}', /^-[12]$/],
  ])('%s', (placeholder, pattern) => expect(valueOf(placeholder)).toMatch(pattern))

  test('are the same for every reader of the property', () => {
    const { settings, store } = loadBootstrap('server.port: ${random.int[1024,65535]}')
    expect(settings.server.port).toBe(store.get('server.port'))
  })

  test.each(['${random.int[5,5]}', '${random.bool}'])('%s is none', (placeholder) =>
    expect(loadError(`application.name: '${placeholder}'`)).toMatchObject({ code: 'SIDECAR_PLACEHOLDER_UNRESOLVED' }),
  )
})
