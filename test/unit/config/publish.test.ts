import { createHash } from 'node:crypto'
import type { NacosTransport } from 'nacos-sidecar'
import { expect, test } from 'vitest'
import { createPublisher } from '../../../src/config/publish.js'
import { devRegistry } from '../../support/registry.js'
import { openTransport } from '../../support/transport.js'

const md5 = (text: string) => createHash('md5').update(text).digest('hex')
const A = { dataId: 'a.yml', group: 'G' }
const KEY = { namespace: '', ...A }

async function setUp(wrap: (transport: NacosTransport) => NacosTransport = (transport) => transport) {
  const registry = await devRegistry()
  const transport = openTransport([{ host: '127.0.0.1', port: registry.port }])
  const written: string[] = []
  const spied: NacosTransport = {
    ...transport,
    publishConfig: (item, ...rest) => {
      written.push(item.dataId)
      return transport.publishConfig(item, ...rest)
    },
  }
  return { transport, written, ...createPublisher({ transport: wrap(spied), namespace: '', group: 'DEFAULT_GROUP' }) }
}

/** As Nacos up to 2.4 and r-nacos do. */
const ignoring = (transport: NacosTransport): NacosTransport => ({
  ...transport,
  publishConfig: (item, _md5, signal) => transport.publishConfig!(item, undefined, signal),
})

test.each([
  ['a.yml', undefined, 'yaml'],
  ['a.JSON', undefined, 'json'],
  ['a.properties', undefined, 'properties'],
  ['a', undefined, 'text'],
  ['a.yml', 'json', 'json'],
])('%s of type %s is written as %s', async (dataId, type, stored) => {
  const { publish, transport } = await setUp()
  expect(await publish({ dataId, content: 'a: 1', ...(type && { type }) })).toBe(true)
  const item = await transport.getConfig({ namespace: '', group: 'DEFAULT_GROUP', dataId })
  expect(item).toMatchObject({ content: 'a: 1', type: stored })
})

test('casMd5: the right one writes, a wrong one does not', async () => {
  const { publish, transport, written } = await setUp()
  await publish({ ...A, content: '1' })
  expect(await publish({ ...A, content: '2' }, { casMd5: md5('1') })).toBe(true)
  expect(await publish({ ...A, content: '3' }, { casMd5: md5('1') })).toBe(false)
  expect(await publish({ ...A, content: '4' }, { casMd5: md5('2').toUpperCase() })).toBe(true)
  expect((await transport.getConfig(KEY))?.content).toBe('4')
  // Once: a document of our own, written twice and gone.
  const probes = written.filter((dataId) => dataId.startsWith('nacos-sidecar-probe-'))
  expect(probes).toHaveLength(2)
  expect(await transport.getConfig({ ...KEY, dataId: probes[0]! })).toBeUndefined()
})

test('casMd5: several at once, one wins', async () => {
  const { publish } = await setUp()
  await publish({ ...A, content: '0' })
  const won = await Promise.all([1, 2, 3, 4].map((n) => publish({ ...A, content: `${n}` }, { casMd5: md5('0') })))
  expect(won.filter(Boolean)).toHaveLength(1)
})

test('casMd5: a registry that ignores it is found out before anything of the user is written', async () => {
  const { publish, transport, written } = await setUp(ignoring)
  await publish({ ...A, content: '1' })
  for (const casMd5 of [md5('1'), md5('x')]) {
    await expect(publish({ ...A, content: '2' }, { casMd5 })).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_UNSUPPORTED',
      message: expect.stringMatching(
        /a\.yml with casMd5: the registry at 127\.0\.0\.1:\d+ ignores it.*nothing was written/,
      ),
    })
  }
  expect((await transport.getConfig(KEY))?.content).toBe('1')
  expect(written.filter((dataId) => dataId === 'a.yml')).toHaveLength(1)
  const probe = written.find((dataId) => dataId !== 'a.yml')!
  expect(await transport.getConfig({ ...KEY, dataId: probe })).toBeUndefined()
})

test('casMd5: finding out may fail, and is tried again', async () => {
  let down = true
  const { publish } = await setUp((transport) => ({
    ...transport,
    publishConfig: (item, ...rest) =>
      down && item.dataId !== 'a.yml' ? Promise.reject(new Error('down')) : transport.publishConfig!(item, ...rest),
  }))
  await publish({ ...A, content: '1' })
  await expect(publish({ ...A, content: '2' }, { casMd5: md5('1') })).rejects.toThrow('down')
  down = false
  expect(await publish({ ...A, content: '2' }, { casMd5: md5('1') })).toBe(true)
})

test('casMd5: a caller that aborts the probe does not end that of others', async () => {
  const { publish } = await setUp()
  await publish({ ...A, content: '1' })
  const controller = new AbortController()
  const one = publish({ ...A, content: '2' }, { casMd5: md5('2'), signal: controller.signal })
  const other = publish({ ...A, content: '3' }, { casMd5: md5('1') })
  controller.abort(new Error('enough'))
  await expect(one).rejects.toThrow('enough')
  expect(await other).toBe(true)
})

test.each(['', 'x', md5('1').slice(1)])('casMd5: %j is none', async (casMd5) => {
  const { publish, written } = await setUp()
  await expect(publish({ ...A, content: '1' }, { casMd5 })).rejects.toMatchObject({ code: 'SIDECAR_CONFIG_INVALID' })
  expect(written).toEqual([])
})

test('delete: gone, and fine where there is none', async () => {
  const { publish, transport, delete: remove } = await setUp()
  await publish({ ...A, content: '1' })
  expect(await remove(A)).toBe(true)
  expect(await transport.getConfig(KEY)).toBeUndefined()
  expect(await remove(A)).toBe(true)
})

test('a transport that cannot write says so', async () => {
  const { publish, delete: remove } = await setUp(({ publishConfig: _p, deleteConfig: _d, ...rest }) => rest)
  for (const refused of [publish({ ...A, content: '1' }), remove(A)]) {
    await expect(refused).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNSUPPORTED' })
  }
})
