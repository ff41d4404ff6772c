import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NacosConfigClient } from 'nacos'
import { fromNacosSdk } from 'nacos-sidecar'
import { expect, onTestFinished, test, vi } from 'vitest'
import { closeSdk } from '../../../../src/nacos/sdk/close.js'
import { devRegistry, form } from '../../../support/registry.js'
import { ownPort } from '../../../support/own-port.js'
import { startFaultProxy } from '../../../support/fault-proxy.js'
import { openSdk } from '../../../support/nacos-sdk.js'

// `NacosConfigClient` elects one process of the machine to speak for all, by who has a port, 7777 or what it was told.

const KEY = { namespace: '', group: 'DEFAULT_GROUP', dataId: 'application.yml' }

test('the process with the connection is a transport with its own failures; a follower process is refused', async () => {
  const port = await ownPort()
  class OnOwnPort extends NacosConfigClient {
    override get clusterOptions() {
      return { ...super.clusterOptions, port }
    }
  }
  const registry = await devRegistry()
  const proxy = await startFaultProxy({ port: registry.port })
  onTestFinished(() => proxy.close())
  const serverAddr = `${proxy.host}:${proxy.port}`
  const { naming } = openSdk(registry.address)
  const open = () => {
    const cacheDir = join(tmpdir(), `nacos-sdk-${randomUUID()}`)
    const config = new OnOwnPort({ serverAddr, requestTimeout: 300, cacheDir })
    const transport = fromNacosSdk({ naming, config })
    onTestFinished(async () => {
      await transport.close()
      await closeSdk(naming, config)
    })
    return { config, transport }
  }

  const leader = open()
  await form(registry, 'POST', '/v1/cs/configs', { dataId: KEY.dataId, group: KEY.group, content: 'a: 1' })
  await vi.waitFor(async () => expect(await leader.transport.getConfig(KEY)).toMatchObject({ content: 'a: 1' }))
  const heard: unknown[] = []
  leader.transport.watchConfig!(KEY, '', (item) => heard.push(item?.content))
  await vi.waitFor(() => expect(heard).toEqual(['a: 1']))

  const follower = open()
  await expect(follower.transport.getConfig(KEY)).rejects.toMatchObject({
    code: 'SIDECAR_REGISTRY_UNSUPPORTED',
    message: expect.stringContaining('DataClient'),
  })

  await proxy.set('refuse')
  expect(await leader.config.getConfig(KEY.dataId, KEY.group)).toBe('a: 1')
  await expect(leader.transport.getConfig(KEY)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
})
