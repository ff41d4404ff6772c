import { createHash } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { document, link, server, up } from '../../support/grpc-link.js'

const md5 = (text: string) => createHash('md5').update(text, 'utf8').digest('hex')

/** A link that watches app.yml, of which it holds `a: 1`, on a fresh server that has the same. */
async function watching(rest: Parameters<typeof link>[1] = {}) {
  const nacos = await server()
  nacos.setConfig('app.yml', 'a: 1')
  const client = link(nacos.port, rest)
  const seen: (string | undefined)[] = []
  const stop = client.watchConfig(document(), md5('a: 1'), (item) => seen.push(item?.content))
  await vi.waitFor(() => expect(nacos.of('ConfigBatchListenRequest')).toHaveLength(1))
  await client.getConfig(document('other'))
  return { nacos, client, seen, stop }
}

describe('a watched config', () => {
  it('is silent while it is what the caller holds', async () => {
    const { nacos, seen } = await watching()
    expect(seen).toEqual([])
    expect(nacos.of('ConfigBatchListenRequest')[0]!.body).toMatchObject({
      listen: true,
      configListenContexts: [{ dataId: 'app.yml', group: 'DEFAULT_GROUP', tenant: '', md5: md5('a: 1') }],
    })
    expect(nacos.of('ConfigQueryRequest').map((query) => query.body['dataId'])).toEqual(['other'])
  })

  it('reports each change with its content, deletion included, and acknowledges the notices', async () => {
    const { nacos, seen } = await watching()
    nacos.setConfig('app.yml', '城: 杭州')
    await vi.waitFor(() => expect(seen).toEqual(['城: 杭州']))
    nacos.setConfig('app.yml', undefined)
    await vi.waitFor(() => expect(seen).toEqual(['城: 杭州', undefined]))
    nacos.setConfig('app.yml', 'a: 3')
    await vi.waitFor(() => expect(seen).toEqual(['城: 杭州', undefined, 'a: 3']))
    await vi.waitFor(() => expect(nacos.of('ConfigChangeNotifyResponse')).toHaveLength(3))
    // Listened for again with what it has now.
    await vi.waitFor(() =>
      expect(nacos.of('ConfigBatchListenRequest').at(-1)!.body['configListenContexts']).toMatchObject([
        { md5: md5('a: 3') },
      ]),
    )
  })

  it('that differs at once is reported at once; one that is absent and was absent is not', async () => {
    const nacos = await server()
    nacos.setConfig('app.yml', 'a: 1')
    const client = link(nacos.port)
    const seen: unknown[] = []
    client.watchConfig(document(), '', (item) => seen.push(item))
    client.watchConfig(document('none.yml'), '', (item) => seen.push(['none', item]))
    await vi.waitFor(() => expect(seen).toEqual([{ ...document(), content: 'a: 1', type: 'yaml', md5: md5('a: 1') }]))
    await vi.waitFor(() => expect(nacos.of('ConfigBatchListenRequest').length).toBeGreaterThanOrEqual(3))
    expect(seen).toHaveLength(1)
  })

  it('is reported to each listener that does not have it yet, and to no other', async () => {
    const { client, seen } = await watching()
    const late: unknown[] = []
    const same: unknown[] = []
    client.watchConfig(document(), md5('older'), (item) => late.push(item?.content))
    client.watchConfig(document(), md5('a: 1'), (item) => same.push(item?.content))
    await vi.waitFor(() => expect(late).toEqual(['a: 1']))
    expect([seen, same]).toEqual([[], []])
  })

  it('a burst of changes ends at the last one', async () => {
    const { nacos, seen } = await watching()
    for (let version = 2; version <= 30; version++) nacos.setConfig('app.yml', `a: ${version}`)
    await vi.waitFor(() => expect(seen.at(-1)).toBe('a: 30'))
  })

  it('a change between the notice and the fetch is not lost', async () => {
    const { nacos, seen } = await watching()
    nacos.script('ConfigQueryRequest', () => {
      nacos.script('ConfigQueryRequest', undefined)
      // Answers with the old one although the new one is there, and no notice will come of it.
      nacos.setConfig('app.yml', 'a: 3', { notify: false })
      return { resultCode: 200, content: 'a: 2', md5: md5('a: 2') }
    })
    nacos.setConfig('app.yml', 'a: 2')
    await vi.waitFor(() => expect(seen).toEqual(['a: 2', 'a: 3']))
  })

  it('is caught up with after a reconnect', async () => {
    const { nacos, seen } = await watching()
    await nacos.close()
    const again = await server({ port: nacos.port })
    again.setConfig('app.yml', 'a: 2')
    await vi.waitFor(() => expect(seen).toEqual(['a: 2']), 5_000)
  })

  it('is caught up with when a notice was lost', async () => {
    const { nacos, seen } = await watching({ verifyIntervalMs: 300 })
    nacos.setConfig('app.yml', 'a: 2', { notify: false })
    await vi.waitFor(() => expect(seen).toEqual(['a: 2']), 3_000)
  })

  it('is compared where a notice names another namespace, as r-nacos has it', async () => {
    const nacos = await server()
    const client = link(nacos.port)
    const seen: unknown[] = []
    client.watchConfig({ ...document(), namespace: 'dev' }, '', (item) => seen.push(item?.content))
    await vi.waitFor(() => expect(nacos.of('ConfigBatchListenRequest')).toHaveLength(1))
    // The notice has no tenant at all.
    nacos.setConfig('app.yml', 'a: 2')
    await vi.waitFor(() => expect(seen).toEqual(['a: 2']))
    expect(nacos.of('ConfigQueryRequest').map(({ body }) => body['tenant'])).toEqual(['dev'])
  })

  it('does not spin on a server that calls it changed for ever', async () => {
    const nacos = await server()
    nacos.setConfig('app.yml', 'a: 1')
    nacos.script('ConfigBatchListenRequest', () => ({
      resultCode: 200,
      changedConfigs: [{ dataId: 'app.yml', group: 'DEFAULT_GROUP', tenant: '' }],
    }))
    const client = link(nacos.port)
    const seen: unknown[] = []
    client.watchConfig(document(), '', (item) => seen.push(item?.content))
    await vi.waitFor(() => expect(seen).toEqual(['a: 1']))
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(nacos.of('ConfigBatchListenRequest').length).toBeLessThanOrEqual(3)
    expect(seen).toEqual(['a: 1'])
  })

  it('a failed fetch is neither a deletion nor the end: it is tried again', async () => {
    const { nacos, seen, client } = await watching()
    let failures = 1
    nacos.script('ConfigQueryRequest', () =>
      failures-- > 0 ? { resultCode: 500, errorCode: 400, message: 'being modified' } : undefined,
    )
    nacos.setConfig('app.yml', 'a: 2')
    await vi.waitFor(() => expect(seen).toEqual(['a: 2']), 5_000)
    expect(client.lines.join('\n')).toMatch(/watch of config DEFAULT_GROUP\/app.yml: .*being modified/)
  })

  it('stops with its last listener', async () => {
    const { nacos, seen, stop } = await watching()
    stop()
    await vi.waitFor(() => expect(nacos.of('ConfigBatchListenRequest').at(-1)!.body['listen']).toBe(false))
    nacos.push('ConfigChangeNotifyRequest', { dataId: 'app.yml', group: 'DEFAULT_GROUP' })
    await vi.waitFor(() => expect(nacos.of('ConfigChangeNotifyResponse')).toHaveLength(1))
    expect(seen).toEqual([])
  })

  it('goes on for the others when one listener throws', async () => {
    const { nacos, client, seen } = await watching()
    client.watchConfig(document(), md5('a: 1'), () => {
      throw new Error('mine')
    })
    nacos.setConfig('app.yml', 'a: 2')
    nacos.setConfig('app.yml', 'a: 3')
    await vi.waitFor(() => expect(seen.at(-1)).toBe('a: 3'))
    expect(client.lines.join('\n')).toMatch(/config app.yml \(DEFAULT_GROUP\) threw: mine/)
  })
})

describe('single requests', () => {
  it('publish, fetch and delete; absent is undefined', async () => {
    const nacos = await server()
    const client = link(nacos.port)
    expect(await client.getConfig(document())).toBeUndefined()
    expect(await client.publishConfig({ ...document(), content: '城: 杭州', type: 'yaml' })).toBe(true)
    expect(await client.getConfig(document())).toMatchObject({ content: '城: 杭州', md5: md5('城: 杭州') })
    expect(await client.deleteConfig(document())).toBe(true)
    expect(await client.getConfig(document())).toBeUndefined()
    expect(nacos.of('ConfigPublishRequest')[0]!.body).toMatchObject({ tenant: '', additionMap: { type: 'yaml' } })
  })

  it('compare and set where the server honours it', async () => {
    const nacos = await server({ negotiates: true })
    const client = link(nacos.port)
    nacos.setConfig('app.yml', 'a: 1')
    expect(await client.publishConfig({ ...document(), content: 'a: 2' }, md5('old'))).toBe(false)
    expect(await client.publishConfig({ ...document(), content: 'a: 2' }, md5('a: 1'))).toBe(true)
    expect((await client.getConfig(document()))!.content).toBe('a: 2')
  })

  it('compare and set is an error, and nothing is sent, where the server would overwrite', async () => {
    const nacos = await server()
    const client = link(nacos.port)
    await expect(client.publishConfig({ ...document(), content: 'a: 2' }, md5('old'))).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_UNSUPPORTED',
    })
    expect(nacos.of('ConfigPublishRequest')).toEqual([])
  })

  it('compare and set is not sent twice when the connection dies under it', async () => {
    const nacos = await server({ negotiates: true })
    nacos.script('ConfigPublishRequest', () => (nacos.hangUp(), 'hang'))
    const client = link(nacos.port)
    await up(client)
    await expect(client.publishConfig({ ...document(), content: 'a: 2' }, md5(''))).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_UNAVAILABLE',
    })
    await vi.waitFor(() => expect(client.state().status).toBe('up'))
    expect(nacos.of('ConfigPublishRequest')).toHaveLength(1)
  })

  it('a question whose connection dies under it is asked again on the next', async () => {
    const nacos = await server()
    nacos.setConfig('app.yml', 'a: 1')
    nacos.script('ConfigQueryRequest', () => {
      nacos.script('ConfigQueryRequest', undefined)
      nacos.hangUp()
      return 'hang'
    })
    expect(await link(nacos.port).getConfig(document())).toMatchObject({ content: 'a: 1' })
  })

  it('an answer without a content is an error, not an absent document', async () => {
    const nacos = await server()
    nacos.script('ConfigQueryRequest', () => ({ resultCode: 200 }))
    await expect(link(nacos.port).getConfig(document())).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_ANSWER' })
  })
})
