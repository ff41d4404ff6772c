import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DevServerEvents, startDevServer } from 'nacos-sidecar/dev-server'
import { describe, expect, it, onTestFinished } from 'vitest'
import { devRegistry, form } from '../../support/registry.js'
import { ownPort } from '../../support/own-port.js'

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'dev-server-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

describe('the handle', () => {
  it('says where it is, and announces what happens', async () => {
    const registry = await devRegistry()
    expect(registry).toMatchObject({
      host: '127.0.0.1',
      address: `127.0.0.1:${registry.port}`,
      url: `http://127.0.0.1:${registry.port}`,
    })
    const seen: string[] = []
    const note = (name: keyof DevServerEvents) => registry.on(name, () => seen.push(name))
    for (const name of ['register', 'beat', 'deregister', 'publish', 'deleteConfig'] as const) note(name)
    const instance = { ip: '::1', port: 1, serviceName: 'G2@@orders', namespaceId: 'dev', metadata: '{"zone":"杭州"}' }
    await form(registry, 'POST', '/v1/ns/instance', instance)
    expect(registry.services()).toEqual([
      {
        namespace: 'dev',
        group: 'G2',
        service: 'orders',
        instances: [
          expect.objectContaining({
            namespace: 'dev',
            group: 'G2',
            service: 'orders',
            ip: '::1',
            port: 1,
            metadata: { zone: '杭州' },
          }),
        ],
      },
    ])
    await form(registry, 'PUT', '/v1/ns/instance/beat', instance)
    await form(registry, 'DELETE', '/v1/ns/instance', instance)
    registry.configs.publish({ dataId: 'a.yml', content: 'x: 1' })
    registry.configs.delete({ dataId: 'a.yml' })
    expect(seen).toEqual(['register', 'beat', 'deregister', 'publish', 'deleteConfig'])
  })

  it('shares configs with both APIs and honours compare-and-set', async () => {
    const registry = await devRegistry()
    expect(registry.configs.publish({ dataId: 'a.yml', content: 'x: 1' })).toBe(true)
    const item = registry.configs.get({ dataId: 'a.yml' })!
    expect(item).toEqual({
      namespace: '',
      group: 'DEFAULT_GROUP',
      dataId: 'a.yml',
      content: 'x: 1',
      type: 'yaml',
      md5: item.md5,
    })
    const v1 = await form(registry, 'GET', '/v1/cs/configs', { dataId: 'a.yml', group: 'DEFAULT_GROUP' })
    expect([v1.body, v1.headers.get('config-type'), v1.headers.get('content-md5')]).toEqual(['x: 1', 'yaml', item.md5])
    const v3 = await form(registry, 'GET', '/v3/client/cs/config', {
      dataId: 'a.yml',
      groupName: 'DEFAULT_GROUP',
      namespaceId: 'public',
    })
    expect(JSON.parse(v3.body).data).toMatchObject({ content: 'x: 1', contentType: 'yaml', md5: item.md5 })
    expect(registry.configs.publish({ dataId: 'a.yml', content: 'y' }, 'f'.repeat(32))).toBe(false)
    expect(registry.configs.publish({ dataId: 'a.yml', content: 'y' }, item.md5)).toBe(true)
    expect([registry.configs.delete({ dataId: 'a.yml' }), registry.configs.delete({ dataId: 'a.yml' })]).toEqual([
      true,
      false,
    ])
    expect(registry.configs.get({ dataId: 'a.yml' })).toBeUndefined()
  })

  it('stops twice, frees the port, and refuses connections afterwards', async () => {
    const registry = await startDevServer({ port: await ownPort() })
    await form(registry, 'GET', '/v1/ns/operator/metrics')
    await Promise.all([registry.stop(), registry.stop()])
    await expect(form(registry, 'GET', '/v1/ns/operator/metrics')).rejects.toThrow()
    await (await startDevServer({ port: registry.port })).stop()
  })

  it('names the probable owner of a port in use', async () => {
    const blocker = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void blocker.close())
    await new Promise((resolve) => blocker.once('listening', resolve))
    const { port } = blocker.address() as AddressInfo
    const error = await startDevServer({ port }).catch((error: unknown) => error)
    expect(error).toMatchObject({
      code: 'SIDECAR_DEV_SERVER',
      message: expect.stringContaining(`Port ${port} on 127.0.0.1 is in use`),
    })
  })

  it('keeps metadata named __proto__ as text and nothing else', async () => {
    const registry = await devRegistry()
    await form(registry, 'POST', '/v1/ns/instance', {
      ip: '1.1.1.1',
      port: 1,
      serviceName: 's',
      metadata: '{"__proto__":"p","constructor":"c"}',
    })
    const { body } = await form(registry, 'GET', '/v1/ns/instance/list', { serviceName: 's' })
    expect(body).toContain('"metadata":{"__proto__":"p","constructor":"c"}')
    expect(({} as Record<string, unknown>)['p']).toBeUndefined()
  })
})

describe('the APIs it plays', () => {
  it('as Nacos 2.x has no v3, as Nacos 3.2 no v1', async () => {
    const old = await devRegistry({ apis: ['v1'] })
    expect((await form(old, 'GET', '/v3/client/ns/instance/list', { serviceName: 's' })).status).toBe(404)
    expect((await form(old, 'GET', '/v1/ns/instance/list', { serviceName: 's' })).status).toBe(200)
    const recent = await devRegistry({ apis: ['v3'] })
    expect((await form(recent, 'GET', '/v3/client/ns/instance/list', { serviceName: 's' })).status).toBe(200)
    const gone = await form(recent, 'GET', '/v1/ns/instance/list', { serviceName: 's' })
    expect([gone.status, JSON.parse(gone.body).error]).toEqual([410, 'Gone'])
    expect((await form(recent, 'GET', '/actuator/health')).body).toBe('{"status":"UP"}')
  })

  it('moves an instance with its cluster: the address alone is its name, as in Nacos', async () => {
    const registry = await devRegistry()
    const instance = { ip: '1.1.1.1', port: 1, serviceName: 's' }
    await form(registry, 'POST', '/v1/ns/instance', { ...instance, clusterName: 'C1' })
    await form(registry, 'POST', '/v3/client/ns/instance', { ...instance, clusterName: 'C2' })
    expect(registry.services()[0]!.instances.map(({ cluster }) => cluster)).toEqual(['C2'])
  })
})

describe('configs on disk', () => {
  it('outlive the process; instances do not', async () => {
    const dataDir = temporaryDirectory()
    const first = await startDevServer({ dataDir })
    first.configs.publish({ dataId: 'a.yml', content: 'x: 1 # 中文' })
    first.configs.publish({ dataId: 'b.yml', content: 'gone' })
    first.configs.delete({ dataId: 'b.yml' })
    await form(first, 'POST', '/v1/ns/instance', { ip: '1.1.1.1', port: 1, serviceName: 's' })
    await first.stop()
    const second = await devRegistry({ dataDir })
    expect(second.configs.get({ dataId: 'a.yml' })?.content).toBe('x: 1 # 中文')
    expect(second.configs.get({ dataId: 'b.yml' })).toBeUndefined()
    expect(second.services()).toEqual([])
  })

  it('leave no temporary file, and set aside what is not theirs', async () => {
    const dataDir = temporaryDirectory()
    const first = await startDevServer({ dataDir })
    for (let count = 0; count < 20; count++) first.configs.publish({ dataId: 'a', content: `version ${count}` })
    await first.stop()
    const folder = join(dataDir, 'configs')
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.json$/)])
    writeFileSync(join(folder, `${'0'.repeat(64)}.json`), '{"half":')
    const warnings: string[] = []
    const quiet = () => {}
    const second = await devRegistry({
      dataDir,
      logger: { debug: quiet, info: quiet, warn: (line) => warnings.push(line), error: quiet },
    })
    expect(second.configs.get({ dataId: 'a' })?.content).toBe('version 19')
    expect(warnings).toEqual([expect.stringContaining('.corrupt')])
    expect(readdirSync(folder)).toContain(`${'0'.repeat(64)}.json.corrupt`)
  })

  it('stay inside the directory whatever the data id, and follow no symlink', async () => {
    const dataDir = temporaryDirectory()
    const outside = temporaryDirectory()
    const registry = await startDevServer({ dataDir })
    // Dots are good with Nacos.
    registry.configs.publish({ dataId: '..', group: '..', content: 'x' })
    const [name] = readdirSync(join(dataDir, 'configs'))
    expect(name).toMatch(/^[0-9a-f]{64}\.json$/)
    await registry.stop()
    // A link in place of a document is neither read nor written through.
    rmSync(join(dataDir, 'configs', name!))
    writeFileSync(join(outside, 'target.json'), 'untouched')
    symlinkSync(join(outside, 'target.json'), join(dataDir, 'configs', name!))
    const second = await devRegistry({ dataDir })
    expect(second.configs.get({ dataId: '..', group: '..' })).toBeUndefined()
    second.configs.publish({ dataId: '..', group: '..', content: 'y' })
    expect(readFileSync(join(outside, 'target.json'), 'utf8')).toBe('untouched')
  })
})
