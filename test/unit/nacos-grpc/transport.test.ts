import { expect, it, onTestFinished } from 'vitest'
import { createGrpcTransport } from '../../../src/nacos/grpc/transport.js'
import { instance, linkOptions, server, service } from './support/links.js'

it('is a NacosTransport without beats, and says which server it is on', async () => {
  const nacos = await server()
  const transport = createGrpcTransport(linkOptions(nacos.port).options)
  onTestFinished(() => transport.close())
  const address = `127.0.0.1:${nacos.port}`
  expect(transport.beat).toBeUndefined()
  expect(transport.describe()).toMatchObject({
    server: address,
    servers: [address],
    protocol: 'grpc',
    connected: false,
  })

  await transport.register(instance(8001))
  expect(transport.describe()).toMatchObject({ connected: true })
  expect(await transport.list(service())).toEqual([instance(8001)])
  expect(await transport.listServices!({ namespace: '', group: 'DEFAULT_GROUP', pageNo: 1, pageSize: 10 })).toEqual({
    count: 1,
    names: ['users'],
  })
  await transport.deregister(instance(8001))
  expect(await transport.list(service())).toEqual([])

  await transport.close()
  expect(transport.describe()).toMatchObject({ connected: false, reason: 'closed' })
})
