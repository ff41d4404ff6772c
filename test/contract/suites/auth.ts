import type { Logger } from 'nacos-sidecar'
import { describe, expect } from 'vitest'
import { contractTest, LONGEST_TTL_MS, type Skip } from '../support/contract-test.js'
import { recordingProxy } from '../support/recording-proxy.js'
import type { ContractTarget } from '../support/target.js'

/** Credentials, on a server that wants them and on one that does not. */
export function authContract(target: ContractTarget): void {
  const test = contractTest(target)
  const wanted = { needs: ['auth'] } as const
  const wordless: Skip = { server: 'npm nacos', reason: "keeps the server's reason to itself" }
  const ttlMs = target.auth?.tokenTtlMs ?? 0

  describe('with the right password', () => {
    test('every verb is let in', wanted, async ({ transport, instance, configKey, raw, soon }) => {
      const mine = instance()
      await transport.register(mine)
      if (transport.beat) expect(await transport.beat(mine)).toBe('ok')
      await soon(async () => expect(await transport.list(mine)).toEqual([mine]))
      await transport.deregister(mine)
      const key = configKey()
      expect(await transport.getConfig(key)).toBeUndefined()
      if (target.apiVersion === 'v1' || target.capabilities.v3Admin) {
        expect(await transport.publishConfig!({ ...key, content: 'x' })).toBe(true)
        await soon(async () => expect(await transport.getConfig(key)).toMatchObject({ content: 'x' }))
        expect(await transport.deleteConfig!(key)).toBe(true)
        const { names } = await transport.listServices!({
          pageNo: 1,
          pageSize: 500,
          namespace: '',
          group: 'DEFAULT_GROUP',
        })
        expect(names).toBeInstanceOf(Array)
      }
      await soon(async () => expect(await raw.hosts(mine)).toEqual([]))
    })

    test(
      'a config watch is let in',
      { needs: ['auth', 'configWrite'], timeoutMs: 30_000 + target.timings.nextPollMs },
      async ({ transport, configKey, raw, soon }) => {
        const key = configKey()
        const heard: unknown[] = []
        transport.watchConfig!(key, '', (item) => heard.push(item?.content))
        await raw.publish(key, 'born')
        await soon(() => expect(heard).toEqual(['born']), target.timings.nextPollMs)
      },
    )

    test(
      'twenty first calls log in once, and no secret is in a URL',
      { needs: ['login'] },
      async ({ open, instance, defer }) => {
        const proxy = await recordingProxy(target.server)
        defer(() => proxy.close())
        const transport = open({ server: proxy.server })
        const mine = instance()
        await Promise.all(Array.from({ length: 20 }, () => transport.list(mine)))
        await transport.register(mine)

        const logins = proxy.requests.filter((r) => r.url.includes('/login'))
        expect(logins).toHaveLength(1)
        expect(logins[0]!.body).toContain(encodeURIComponent(target.auth!.password))
        for (const { url } of proxy.requests) {
          expect(url).not.toMatch(/password|accessToken|username/i)
          expect(url).not.toContain(`=${target.auth!.password}`)
        }
        expect(proxy.requests.filter((r) => !logins.includes(r)).map((r) => r.status)).not.toContain(403)
      },
    )

    test(
      'a token that runs out is renewed unseen',
      { needs: ['shortToken', 'login'], waits: true, timeoutMs: LONGEST_TTL_MS + 30_000 },
      async ({ open, instance, raw, defer }) => {
        const proxy = await recordingProxy(target.server)
        defer(() => proxy.close())
        const transport = open({ server: proxy.server })
        const mine = instance()
        await transport.register(mine)
        const token = await raw.newToken()
        for (const until = performance.now() + ttlMs * 1.5 + 500; performance.now() < until;) {
          expect(await transport.list(mine)).toBeInstanceOf(Array)
          await new Promise((resolve) => setTimeout(resolve, ttlMs / 10))
        }
        expect(proxy.requests.filter((r) => r.url.includes('/login')).length).toBeGreaterThan(1)
        // Renewed early: the server never had to say no.
        expect(proxy.requests.map((r) => r.status)).not.toContain(403)
        // And the server does mean its time to live.
        const late = await raw.send('GET', listPath(target), { query: { serviceName: mine.service }, token })
        expect(late.status).toBe(403)
      },
    )

    test(
      'a token that ran out in a pause costs one new login',
      { needs: ['shortToken', 'login'], waits: true, timeoutMs: LONGEST_TTL_MS + 30_000 },
      async ({ open, instance, defer }) => {
        const proxy = await recordingProxy(target.server)
        defer(() => proxy.close())
        const transport = open({ server: proxy.server })
        const mine = instance()
        await transport.register(mine)
        const before = proxy.requests.filter((r) => r.url.includes('/login')).length
        await new Promise((resolve) => setTimeout(resolve, ttlMs * 1.2 + 300))
        await Promise.all(Array.from({ length: 10 }, () => transport.list(mine)))
        expect(proxy.requests.filter((r) => r.url.includes('/login')).length - before).toBeLessThanOrEqual(1 + 1)
      },
    )
  })

  describe('with a wrong password', () => {
    test('one clear error, without the password', { ...wanted, skip: [wordless] }, async ({ open, instance }) => {
      const lines: string[] = []
      const write = (line: string) => void lines.push(line)
      const logger: Logger = { debug: write, info: write, warn: write, error: write }
      const password = 'canary-7f3a'
      const transport = open({ password, logger })
      const error: unknown = await transport.register(instance()).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error).toMatchObject({ name: 'SidecarError', code: 'SIDECAR_REGISTRY_LOGIN' })
      expect((error as Error).message).toContain(target.server)
      for (const text of [...lines, (error as Error).message, (error as Error).stack!, JSON.stringify(error)]) {
        expect(text).not.toContain(password)
      }
    })

    test('the login itself is refused', wanted, async ({ raw }) => {
      const answer = await raw.login(target.auth!.username, 'canary-7f3a')
      // 3.x says 500.
      expect([403, 500]).toContain(answer.status)
      expect(answer.text).not.toContain('accessToken')
    })
  })

  describe('without credentials', () => {
    test(
      'nothing is let in, and no refusal looks like an empty answer',
      { ...wanted, skip: [wordless] },
      async ({ open, instance, configKey }) => {
        const transport = open({ anonymous: true })
        const mine = instance()
        const attempts: Record<string, () => Promise<unknown>> = {
          register: () => transport.register(mine),
          deregister: () => transport.deregister(mine),
          list: () => transport.list(mine),
          beat: () => transport.beat!(mine),
          getConfig: () => transport.getConfig(configKey()),
          ...(target.apiVersion === 'v1' && {
            publishConfig: () => transport.publishConfig!({ ...configKey(), content: 'x' }),
            deleteConfig: () => transport.deleteConfig!(configKey()),
          }),
        }
        for (const [verb, attempt] of Object.entries(attempts)) {
          await expect(attempt(), verb).rejects.toMatchObject({
            name: 'SidecarError',
            code: expect.stringMatching(/^SIDECAR_REGISTRY_(REFUSED|LOGIN)$/),
            message: expect.stringContaining('403'),
          })
        }
      },
    )

    test('the server says 403, in JSON that repeats it', wanted, async ({ raw }) => {
      for (const token of [undefined, 'garbage']) {
        const request = { query: { serviceName: 'x' }, anonymous: true, ...(token && { token }) }
        const answer = await raw.send('GET', listPath(target), request)
        expect(answer.status).toBe(403)
        expect(answer.json()).toMatchObject({ status: 403, error: 'Forbidden', message: expect.any(String) })
      }
    })
  })

  describe('login on the wire', () => {
    test('answers the token and its time to live in seconds', wanted, async ({ raw }) => {
      const answer = await raw.login(target.auth!.username, target.auth!.password)
      expect(answer.status).toBe(200)
      expect(answer.json()).toMatchObject({
        accessToken: expect.stringMatching(/^\S{10,}$/),
        tokenTtl: expect.any(Number),
        username: target.auth!.username,
      })
      // Nacos 3 answers what is left of it.
      const leftMs = (answer.json()['tokenTtl'] as number) * 1_000
      expect(Math.abs(leftMs - ttlMs)).toBeLessThanOrEqual(2_000)
    })
  })

  describe('on a server that wants no credentials', () => {
    test('credentials do no harm', { needs: ['noAuth'] }, async ({ open, instance, soon }) => {
      const transport = open({ username: 'nacos', password: 'nacos' })
      const mine = instance()
      await transport.register(mine)
      await soon(async () => expect(await transport.list(mine)).toEqual([mine]))
    })
  })
}

function listPath(target: ContractTarget): string {
  return target.capabilities.v1 ? '/v1/ns/instance/list' : '/v3/client/ns/instance/list'
}
