import type { ConfigItem } from 'nacos-sidecar'
import { describe, expect } from 'vitest'
import { contractTest, type Skip } from '../support/contract-test.js'
import { md5 } from '../support/raw.js'
import type { ContractTarget } from '../support/target.js'

const ABSENT_MD5 = '0'.repeat(32)

/** Documents: published, read, deleted, and waited for. */
export function configContract(target: ContractTarget): void {
  const test = contractTest(target)
  const noType: Skip[] = [
    { server: 'r-nacos', reason: 'names no type in its answer' },
    { server: 'npm nacos', reason: 'returns the content alone' },
  ]
  const writes = { needs: ['clientWrite', 'configWrite'] } as const

  describe('read', () => {
    test(
      'carries content and MD5 as they were published',
      { needs: ['configWrite'] },
      async ({ transport, raw, configKey, soon }) => {
        const key = configKey()
        const content = 'name: 你好\nemoji: 😀\nspecial: "a=b&c=d+e %20"\r\ntrailing:  \r\n'
        expect((await raw.publish(key, content)).status).toBe(200)
        const item = await soon(async () => (await transport.getConfig(key)) ?? expect.fail('not there yet'))
        expect(item).toMatchObject({ ...key, content, md5: md5(content) })
      },
    )

    test(
      'says undefined for what is not there, in the server’s own word',
      {},
      async ({ transport, raw, configKey }) => {
        const key = configKey()
        expect(await transport.getConfig(key)).toBeUndefined()
        expect(await transport.getConfig({ ...key, namespace: 'contract-nowhere' })).toBeUndefined()
        const { v1 } = target.capabilities
        const answer = v1
          ? await raw.send('GET', '/v1/cs/configs', { query: { dataId: key.dataId, group: key.group } })
          : await raw.send('GET', '/v3/client/cs/config', { query: { dataId: key.dataId, groupName: key.group } })
        expect(answer.status).toBe(v1 ? 404 : 200)
        if (v1) expect(answer.text.trim()).toBe('config data not exist')
        else expect(answer.json()).toMatchObject({ code: 20004, data: null })
      },
    )

    test(
      'keeps namespaces and groups apart',
      { needs: ['configWrite'] },
      async ({ transport, raw, configKey, soon }) => {
        const here = configKey()
        const elsewhere = configKey({ dataId: here.dataId, namespace: 'contract-ns' })
        const otherGroup = configKey({ dataId: here.dataId, group: 'OTHER_GROUP' })
        await raw.publish(here, 'here')
        await raw.publish(elsewhere, 'elsewhere')
        await raw.publish(otherGroup, 'other group')
        const contentOf = async (key: typeof here) => (await transport.getConfig(key))?.content
        await soon(async () => expect(await contentOf(otherGroup)).toBe('other group'))
        await soon(async () => expect(await contentOf(elsewhere)).toBe('elsewhere'))
        await soon(async () => expect(await contentOf(here)).toBe('here'))
        expect(await contentOf({ ...here, namespace: 'contract-nowhere' })).toBeUndefined()
      },
    )

    test(
      'knows the type',
      { needs: ['configWrite', 'configType'], skip: noType },
      async ({ transport, raw, configKey, soon }) => {
        for (const [type, content] of [
          ['yaml', 'a: 1'],
          ['json', '{"a":1}'],
          ['properties', 'a=1'],
          ['text', 'a'],
          ['xml', '<a/>'],
          ['html', '<p>a</p>'],
        ] as const) {
          const key = configKey()
          await raw.publish(key, content, type)
          await soon(async () => expect(await transport.getConfig(key)).toMatchObject({ content, type }))
        }
      },
    )

    test('takes a JSON document as text', { needs: ['configWrite'] }, async ({ transport, raw, configKey, soon }) => {
      const key = configKey()
      // The answer's content type is JSON then; the white space must survive all the same.
      const content = '{ "a" : 1,\n  "b": "杭州" }\n'
      await raw.publish(key, content, 'json')
      await soon(async () => expect(await transport.getConfig(key)).toMatchObject({ content, md5: md5(content) }))
    })

    test('takes a large document', { needs: ['configWrite'] }, async ({ transport, raw, configKey, soon }) => {
      const key = configKey()
      // Java servers take a form of 2 MB at most.
      const content = 'key: 0123456789\n'.repeat(40_000)
      expect((await raw.publish(key, content)).status).toBe(200)
      await soon(async () => expect((await transport.getConfig(key))?.md5).toBe(md5(content)))
    })

    test(
      'refuses a data id with a space',
      {
        skip: [
          { server: 'r-nacos', reason: 'looks it up and finds nothing' },
          { server: 'v3', reason: 'no recorded server says what it should answer' },
        ],
      },
      async ({ transport, configKey }) => {
        const key = { ...configKey(), dataId: 'a b' }
        // Never "absent": the server did not say that.
        await expect(transport.getConfig(key)).rejects.toMatchObject({ name: 'SidecarError' })
      },
    )

    test('without a data id is an error', { skip: [{ server: 'r-nacos', reason: 'answers 404' }] }, async ({ raw }) => {
      const { v1 } = target.capabilities
      const answer = v1
        ? await raw.send('GET', '/v1/cs/configs', { query: { group: 'DEFAULT_GROUP' } })
        : await raw.send('GET', '/v3/client/cs/config', { query: { groupName: 'DEFAULT_GROUP' } })
      // 2.x says 500, later ones 400.
      expect([400, 500]).toContain(answer.status)
      expect(answer.text).toMatch(/dataId/)
    })
  })

  describe('publish', () => {
    test('stores content and type', writes, async ({ transport, raw, configKey, soon }) => {
      const key = configKey()
      const content = 'name: 你好\nemoji: 😀\nplus: 1+1&x=%41\n'
      expect(await transport.publishConfig!({ ...key, content, type: 'yaml' })).toBe(true)
      await soon(async () => expect(await raw.config(key)).toMatchObject({ content, md5: md5(content) }))
      if (target.kind !== 'r-nacos' && target.capabilities.configType)
        expect(await raw.config(key)).toMatchObject({ type: 'yaml' })
    })

    test('replaces', writes, async ({ transport, raw, configKey, soon }) => {
      const key = configKey()
      await transport.publishConfig!({ ...key, content: 'one' })
      await soon(async () => expect(await raw.config(key)).toMatchObject({ content: 'one' }))
      await transport.publishConfig!({ ...key, content: 'two' })
      await soon(async () => expect(await raw.config(key)).toMatchObject({ content: 'two' }))
    })

    test('goes to its namespace', writes, async ({ transport, raw, configKey, soon }) => {
      const key = configKey({ namespace: 'contract-ns' })
      await transport.publishConfig!({ ...key, content: 'there' })
      await soon(async () => expect(await raw.config(key)).toMatchObject({ content: 'there' }))
      expect(await raw.config({ ...key, namespace: '' })).toBeUndefined()
    })

    test('refuses an empty document', writes, async ({ transport, configKey }) => {
      await expect(transport.publishConfig!({ ...configKey(), content: '' })).rejects.toMatchObject({
        name: 'SidecarError',
        message: expect.stringMatching(/content/),
      })
    })

    test('refuses a data id with a slash', writes, async ({ transport, configKey }) => {
      const key = { ...configKey(), dataId: 'a/b' }
      await expect(transport.publishConfig!({ ...key, content: 'x' })).rejects.toMatchObject({
        name: 'SidecarError',
        message: expect.stringMatching(/dataId/),
      })
    })

    test(
      'with a stale MD5 changes nothing',
      {
        ...writes,
        skip: [
          { server: 'r-nacos', reason: 'ignores casMd5' },
          { server: 'npm nacos', reason: 'has no compare-and-set' },
        ],
      },
      async ({ transport, raw, configKey, soon, target: { server } }) => {
        const key = configKey()
        await transport.publishConfig!({ ...key, content: 'A' })
        await soon(async () => expect(await raw.config(key)).toMatchObject({ content: 'A' }))
        expect(await transport.publishConfig!({ ...key, content: 'B' }, md5('A'))).toBe(true)
        await soon(async () => expect(await raw.config(key)).toMatchObject({ content: 'B' }))
        const stored = await transport.publishConfig!({ ...key, content: 'C' }, md5('A'))
        // 2.2.4 and before write all the same and say so; the answer and the document must agree.
        await soon(async () => expect(await raw.config(key), server).toMatchObject({ content: stored ? 'C' : 'B' }))
        if (target.kind === 'embedded') expect(stored).toBe(false)
      },
    )
  })

  describe('delete', () => {
    test('takes it away', writes, async ({ transport, raw, configKey, soon }) => {
      const key = configKey()
      await raw.publish(key, 'soon gone')
      await soon(async () => expect(await transport.getConfig(key)).toBeDefined())
      expect(await transport.deleteConfig!(key)).toBe(true)
      await soon(async () => expect(await transport.getConfig(key)).toBeUndefined())
      await soon(async () => expect(await raw.config(key)).toBeUndefined())
    })

    test('of what is not there is fine', writes, async ({ transport, configKey }) => {
      await expect(transport.deleteConfig!(configKey())).resolves.toBe(true)
    })

    test('leaves another namespace alone', writes, async ({ transport, raw, configKey, soon }) => {
      const here = configKey()
      const there = configKey({ dataId: here.dataId, namespace: 'contract-ns' })
      await raw.publish(here, 'here')
      await raw.publish(there, 'there')
      await soon(async () => expect(await raw.config(there)).toBeDefined())
      await transport.deleteConfig!(here)
      await soon(async () => expect(await raw.config(here)).toBeUndefined())
      expect(await raw.config(there)).toMatchObject({ content: 'there' })
    })
  })

  describe('watch', () => {
    /** A long poll that is being opened may miss a change: then it tells at its end. */
    const { nextPollMs } = target.timings
    const needs = { needs: ['configWrite'], timeoutMs: 30_000 + 2 * nextPollMs } as const

    test('reports a change during the long poll', needs, async ({ transport, raw, configKey, soon }) => {
      const key = configKey()
      await raw.publish(key, 'v1')
      await soon(async () => expect(await raw.config(key)).toMatchObject({ content: 'v1' }))
      const heard: (ConfigItem | undefined)[] = []
      transport.watchConfig!(key, md5('v1'), (item) => heard.push(item))
      await settle()
      expect(heard).toEqual([])
      await raw.publish(key, 'v2')
      await soon(() => expect(heard).toMatchObject([{ ...key, content: 'v2', md5: md5('v2') }]), nextPollMs)
      await raw.publish(key, 'v3')
      await soon(() => expect(heard.at(-1)).toMatchObject({ content: 'v3' }), nextPollMs)
    })

    test('reports at once what differs from the given MD5', needs, async ({ transport, raw, configKey, soon }) => {
      const key = configKey()
      await raw.publish(key, 'v2')
      await soon(async () => expect(await raw.config(key)).toBeDefined())
      const heard: (ConfigItem | undefined)[] = []
      transport.watchConfig!(key, md5('v1'), (item) => heard.push(item))
      await soon(() => expect(heard).toMatchObject([{ content: 'v2' }]))
    })

    test('reports a new document', needs, async ({ transport, raw, configKey, soon }) => {
      const key = configKey()
      const heard: (ConfigItem | undefined)[] = []
      transport.watchConfig!(key, '', (item) => heard.push(item))
      await settle()
      await raw.publish(key, 'born')
      await soon(() => expect(heard).toMatchObject([{ content: 'born' }]), nextPollMs)
    })

    test('reports a deletion', needs, async ({ transport, raw, configKey, soon }) => {
      const key = configKey()
      await raw.publish(key, 'v1')
      await soon(async () => expect(await raw.config(key)).toBeDefined())
      const heard: (ConfigItem | undefined)[] = []
      transport.watchConfig!(key, md5('v1'), (item) => heard.push(item))
      await settle()
      await raw.remove(key)
      await soon(() => expect(heard).toEqual([undefined]), nextPollMs)
    })

    test('follows several documents, in their namespaces', needs, async ({ transport, raw, configKey, soon }) => {
      const here = configKey()
      const there = configKey({ dataId: here.dataId, namespace: 'contract-ns' })
      const quiet = configKey()
      const heard: string[] = []
      for (const key of [here, there, quiet]) {
        await raw.publish(key, 'v1')
        await soon(async () => expect(await raw.config(key)).toMatchObject({ content: 'v1' }))
        transport.watchConfig!(key, md5('v1'), (item) => heard.push(`${key.namespace}:${item?.content}`))
      }
      await settle()
      await raw.publish(there, 'v2')
      await soon(() => expect(heard).toEqual(['contract-ns:v2']), nextPollMs)
      await raw.publish(here, 'v3')
      await soon(() => expect(heard).toEqual(['contract-ns:v2', ':v3']), nextPollMs)
    })

    test('is quiet once it is ended', needs, async ({ transport, raw, configKey, soon }) => {
      const ended = configKey()
      const still = configKey()
      const heard: string[] = []
      const end = transport.watchConfig!(ended, '', () => heard.push('ended'))
      transport.watchConfig!(still, '', () => heard.push('still'))
      await settle()
      end()
      end()
      await raw.publish(ended, 'x')
      await raw.publish(still, 'x')
      await soon(() => expect(heard).toEqual(['still']), nextPollMs)
    })
  })

  describe('long poll on the wire', () => {
    const needs = { needs: ['listener', 'configWrite'] } as const
    const { shortestHoldMs } = target.timings

    test('answers at once, in its own encoding, what differs', needs, async ({ raw, configKey, soon }) => {
      const changed = configKey()
      const same = configKey()
      const there = configKey({ dataId: changed.dataId, namespace: 'contract-ns' })
      for (const key of [changed, same, there]) {
        await raw.publish(key, 'v1')
        await soon(async () => expect(await raw.config(key)).toBeDefined())
      }
      const public2 = await raw.listen(
        [
          { ...changed, md5: ABSENT_MD5 },
          { ...same, md5: md5('v1') },
        ],
        30_000,
      )
      expect(public2.status).toBe(200)
      expect(public2.text.trim()).toBe(`${changed.dataId}%02DEFAULT_GROUP%01`)
      const tenant = await raw.listen([{ ...there, md5: ABSENT_MD5 }], 30_000)
      expect(tenant.text.trim()).toBe(`${there.dataId}%02DEFAULT_GROUP%02contract-ns%01`)
      const gone = await raw.listen([{ ...configKey(), md5: ABSENT_MD5 }], 30_000)
      expect(gone.text.trim()).toMatch(/%02DEFAULT_GROUP%01$/)
    })

    test(
      'holds what is unchanged for the asked time less half a second',
      { ...needs, waits: true, timeoutMs: 60_000 },
      async ({ raw, configKey, soon }) => {
        const key = configKey()
        await raw.publish(key, 'v1')
        await soon(async () => expect(await raw.config(key)).toBeDefined())
        const since = performance.now()
        const answer = await raw.listen([{ ...key, md5: md5('v1') }], shortestHoldMs + 1_500)
        const heldMs = performance.now() - since
        expect([answer.status, answer.text.trim()]).toEqual([200, ''])
        expect(heldMs).toBeGreaterThan(shortestHoldMs + 500)
        expect(heldMs).toBeLessThan(shortestHoldMs + 3_000)
      },
    )

    test(
      'answers early when the document changes in the hold',
      { ...needs, waits: true },
      async ({ raw, configKey, soon }) => {
        const key = configKey()
        await raw.publish(key, 'v1')
        await soon(async () => expect(await raw.config(key)).toBeDefined())
        const since = performance.now()
        const held = raw.listen([{ ...key, md5: md5('v1') }], 30_000)
        // Later is no harm; too early, and a Java server may miss the change.
        await settle(target.kind === 'embedded' ? 300 : 1_500)
        await raw.publish(key, 'v2')
        const answer = await held
        expect(answer.text.trim()).toBe(`${key.dataId}%02DEFAULT_GROUP%01`)
        expect(performance.now() - since).toBeLessThan(8_000)
      },
    )

    test('without the header does not hold', needs, async ({ raw, configKey, soon }) => {
      const key = configKey()
      await raw.publish(key, 'v1')
      await soon(async () => expect(await raw.config(key)).toBeDefined())
      const since = performance.now()
      const same = await raw.listen([{ ...key, md5: md5('v1') }], undefined)
      const changed = await raw.listen([{ ...key, md5: ABSENT_MD5 }], undefined)
      expect(performance.now() - since).toBeLessThan(target.kind === 'embedded' ? 3_000 : 8_000)
      expect([same.status, same.text.trim()]).toEqual([200, ''])
      // Java servers say it in a header only.
      const news = changed.text + (changed.headers.get('probe-modify-response-new') ?? '')
      expect(news.trim()).toBe(`${key.dataId}%02DEFAULT_GROUP%01`)
    })

    test(
      'without anything to listen to is refused',
      { needs: ['listener'], skip: [{ server: 'r-nacos', reason: 'answers 204' }] },
      async ({ raw }) => {
        const answer = await raw.send('POST', '/v1/cs/configs/listener', {
          form: {},
          headers: { 'Long-Pulling-Timeout': '30000' },
        })
        expect([400, 500]).toContain(answer.status)
      },
    )
  })
}

/** Long enough for a poll to have reached the server and be held there; too short would only make the test easier. */
function settle(ms = 300): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
