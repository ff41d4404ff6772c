import { expect, test, vi } from 'vitest'
import { startOutage } from '../../support/registry.js'
import { alerts } from '../../support/member.js'

const shared = (...dataIds: string[]) => ({
  'cloud.nacos.config.shared-configs': dataIds.join(','),
  'sidecar.refresh-all': true,
})

test.each([
  ['bad.yml', '"a: 1\n b: 2"', /bad\.yml:1:1: expected/],
  ['tab.yml', 'a: 1\n\tb: 2', /tab\.yml:2:1: tab/],
  ['big.yml', `a: ${'x'.repeat(300)}`, /big\.yml has 303 bytes/],
  ['app.toml', 'a = 1\n[b]\nc = 2', /app\.toml:.*\.toml is none of yml/],
  ['list.json', '[1, 2]', /list\.json:1:1: expected/],
  ['scalar.yml', 'hello', /scalar\.yml:1:1: expected/],
  ['utf16.properties', 'a=1\n'.split('').join('\0'), /utf16\.properties:1:2: null byte.*UTF-16/],
  ['proto.yml', '__proto__: { a: 1 }', /proto\.yml:1:1: the name/],
  ['profile.yml', 'spring.config.activate.on-profile: "a & (b"', /profile\.yml:1:36: malformed profile/],
  ['cipher-aes-bad.properties', 'c2VjcmV0IGtleXM=', /cipher-aes-bad\.properties is encrypted/],
])('C2: a start with %s goes on without it, says so once, and takes it when it is good', async (dataId, bad, why) => {
  const outage = await startOutage()
  await outage.publish('ok.yml', 'good: 1')
  await outage.publish(dataId, bad)
  const sidecar = outage.sidecar({ ...shared('ok.yml', dataId), 'cloud.nacos.config.max-bytes': 250 })
  const rejected = vi.fn()
  sidecar.on('configRejected', rejected)
  await sidecar.ready
  expect(sidecar.config.get('good')).toBe(1)
  expect(sidecar.config.get('')).not.toMatchObject({ a: expect.anything() })
  expect(sidecar.status().configs).toContainEqual(expect.objectContaining({ dataId, state: 'failed' }))

  // A change of another document, heard after the watch of this one has begun, brings no second complaint.
  await outage.publish('ok.yml', 'good: 2')
  await vi.waitFor(() => expect(sidecar.config.get('good')).toBe(2))
  expect(alerts(sidecar)).toEqual([expect.stringMatching(why)])
  expect(alerts(sidecar)[0]).toMatch(/^error config .*It is left out; a valid version is applied when/)
  expect(rejected.mock.calls).toEqual([
    [{ source: dataId, error: expect.objectContaining({ code: expect.stringMatching(/^SIDECAR_CONFIG_/) }) }],
  ])

  if (dataId.startsWith('cipher-')) return
  await outage.publish(dataId, dataId.endsWith('.json') ? '{"mended": true}' : 'mended: true')
  await vi.waitFor(() => expect(sidecar.config.get('mended')).toBe(true))
})

test('C2: a start with a bad document uses its last good snapshot', async () => {
  const outage = await startOutage()
  await outage.publish('a.yml', 'a: 1')
  const first = outage.sidecar(shared('a.yml'))
  await first.ready
  await first.stop({ drain: false })

  await outage.publish('a.yml', 'a: [')
  const second = outage.sidecar(shared('a.yml'))
  await second.ready
  expect(second.config.get('a')).toBe(1)
  expect(second.status().configs).toContainEqual(expect.objectContaining({ dataId: 'a.yml', state: 'snapshot' }))
  expect(alerts(second)).toEqual([expect.stringMatching(/a\.yml:1:.*Its snapshot of 20.* is in use/)])
  await outage.publish('a.yml', 'a: 2')
  await vi.waitFor(() => expect(second.config.get('a')).toBe(2))
  expect(second.status().configs).toContainEqual(expect.objectContaining({ dataId: 'a.yml', state: 'loaded' }))
})

test('C2: a bad document is followed until it is good, with refresh switched off too', async () => {
  const outage = await startOutage()
  await outage.publish('a.yml', 'a: [')
  const sidecar = outage.sidecar({
    'cloud.nacos.config.shared-configs[0].data-id': 'a.yml',
    'cloud.nacos.config.shared-configs[0].refresh': false,
  })
  await sidecar.ready
  await outage.publish('a.yml', 'a: [1')
  await vi.waitFor(() => expect(alerts(sidecar)).toHaveLength(2))
  await outage.publish('a.yml', 'a: 1')
  await vi.waitFor(() => expect(sidecar.config.get('a')).toBe(1))
  await outage.publish('a.yml', 'a: 2')
  await expect(vi.waitFor(() => expect(sidecar.config.get('a')).toBe(2), { timeout: 300 })).rejects.toThrow()
})

test('C2: a required import that cannot be used follows fail-fast; one that is absent ends the start', async () => {
  const outage = await startOutage()
  await outage.publish('a.yml', 'a: [')
  const lenient = outage.sidecar({ 'config.import': 'nacos:a.yml' })
  await lenient.ready
  const strict = outage.sidecar({ 'config.import': 'nacos:a.yml', 'cloud.nacos.config.fail-fast': true })
  await expect(strict.ready).rejects.toMatchObject({ code: 'SIDECAR_CONFIG_INVALID' })
  const absent = outage.sidecar({ 'config.import': 'nacos:none.yml' })
  await expect(absent.ready).rejects.toMatchObject({ code: 'SIDECAR_CONFIG_NOT_FOUND' })
})

test('C2: a listener of configRejected that throws does not end the start', async () => {
  const outage = await startOutage()
  await outage.publish('a.yml', 'a: [')
  await outage.publish('b.yml', 'b: 1')
  const sidecar = outage.sidecar(shared('a.yml', 'b.yml'))
  sidecar.on('configRejected', () => {
    throw new Error('of the app')
  })
  await sidecar.ready
  expect(sidecar.config.get('b')).toBe(1)
})

test.each(['cipher-aes-keys.properties', 'cipher-keys.yml', 'cipher-aes-keys.json'])(
  'C11, J11: %s says that it is encrypted and what to do, and none of it is loaded',
  async (dataId) => {
    const outage = await startOutage()
    await outage.publish(dataId, 'c2VjcmV0: 1')
    const sidecar = outage.sidecar(shared(dataId))
    await sidecar.ready
    expect(sidecar.config.get('c2VjcmV0')).toBeUndefined()
    expect(alerts(sidecar)).toEqual([
      expect.stringMatching(/is encrypted .*cannot be decrypted here: publish what this service needs of it under/),
    ])
  },
)
