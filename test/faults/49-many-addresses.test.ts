import { createServer, get } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { chooseAddress } from '../../src/registration/address.js'
import { createInstance } from '../../src/registration/instance.js'
import { settingsSchema } from '../../src/settings/schema.js'
import { nic } from '../support/nic.js'

const open = { ip: undefined, networkInterface: undefined, preferredNetworks: [] }

test('fault 49: among many interfaces the real private one is chosen, with its reason', () => {
  const { ip, reason, warnings } = chooseAddress(open, {
    lo: [nic('127.0.0.1')],
    docker0: [nic('172.17.0.1')],
    virbr0: [nic('192.168.122.1')],
    wlan0: [nic('fe80::2'), nic('192.168.1.20')],
  })
  expect(ip).toBe('192.168.1.20')
  expect(reason).toMatch(
    /first private IPv4 address, on wlan0; ignored: 172\.17\.0\.1 \(docker0\), 192\.168\.122\.1 \(virbr0\)$/,
  )
  expect(warnings).toEqual([])
})

test('fault 49: a Docker bridge address is taken only for want of another, and warned of', () => {
  const bridge = chooseAddress(open, { lo: [nic('127.0.0.1')], docker0: [nic('172.17.0.1')] })
  expect(bridge.ip).toBe('172.17.0.1')
  expect(bridge.warnings.join()).toContain('Docker bridge')
  const inside = chooseAddress(open, { lo: [nic('127.0.0.1')], eth0: [nic('172.17.0.3')] })
  expect(inside.warnings.join()).toContain('Docker bridge')
})

test('fault 49: a loopback address is warned of', () => {
  const { ip, reason, warnings } = chooseAddress(open, { lo: [nic('127.0.0.1'), nic('::1')] })
  expect(ip).toBe('127.0.0.1')
  expect(reason).toBe('this machine has no other address')
  expect(warnings.join()).toContain('loopback')
  expect(chooseAddress(open, {}).ip).toBe('127.0.0.1')
})

test('fault 49: an IPv6-only machine registers without brackets and is called with them', async () => {
  const { ip, reason } = chooseAddress(open, {
    lo: [nic('::1')],
    eth0: [nic('fe80::1'), nic('2001:db8::7'), nic('fd00::7')],
  })
  expect(ip).toBe('fd00::7')
  expect(reason).toContain('private IPv6 address, on eth0')
  const settings = settingsSchema.parse({ application: { name: 'orders' } })
  expect(createInstance({ settings, namespace: '', ip, port: 80 }).ip).toBe('fd00::7')
})

test('fault 49: the choice on this machine is one of its addresses, and answers', async () => {
  const { ip } = chooseAddress(open)
  const own = Object.values(networkInterfaces()).flatMap((all) => all!.map((one) => one.address))
  expect(own).toContain(ip)
  const server = createServer((_, res) => res.end('here')).listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const [response] = await once(get({ host: ip, port, agent: false }), 'response')
  expect(response.resume().statusCode).toBe(200)
  server.close()
})
