import { SidecarError } from 'nacos-sidecar'
import { describe, expect, test } from 'vitest'
import { chooseAddress } from '../../../src/registration/address.js'
import { nic } from '../../support/nic.js'

const open = { ip: undefined, networkInterface: undefined, preferredNetworks: [] }
const many = {
  lo: [nic('127.0.0.1'), nic('::1')],
  docker0: [nic('172.17.0.1')],
  'br-1f2e': [nic('172.18.0.1')],
  tun0: [nic('10.8.0.2')],
  eth1: [nic('203.0.113.9')],
  eth0: [nic('fe80::1'), nic('fd00::5'), nic('10.0.0.5')],
  eth2: [nic('192.168.7.7')],
}

test('the first private address that nothing virtual made', () => {
  const { ip, reason, warnings } = chooseAddress(open, many)
  expect(ip).toBe('10.0.0.5')
  expect(reason).toContain('first private IPv4 address, on eth0; ignored: 192.168.7.7 (eth2)')
  expect(warnings).toEqual([])
})

test.each([
  ['ip', { ip: '198.51.100.1', networkInterface: 'eth2', preferredNetworks: ['10.8'] }, '198.51.100.1'],
  ['network-interface', { networkInterface: 'eth2', preferredNetworks: ['10.8'] }, '192.168.7.7'],
  ['a prefix', { preferredNetworks: ['192.168'] }, '192.168.7.7'],
  ['a network', { preferredNetworks: ['192.168.0.0/16'] }, '192.168.7.7'],
  ['a regular expression', { preferredNetworks: ['203\\.0\\.113\\..*'] }, '203.0.113.9'],
  ['the first preference that fits', { preferredNetworks: ['9.9', '203.', '10.'] }, '203.0.113.9'],
])('%s goes before what comes after it', (_, settings, ip) => {
  expect(chooseAddress({ ...open, ...settings }, many).ip).toBe(ip)
})

test('preferences that fit nothing fall back, and say so', () => {
  const { ip, warnings } = chooseAddress({ ...open, preferredNetworks: ['9.9', '('] }, many)
  expect(ip).toBe('10.0.0.5')
  expect(warnings.join()).toContain('preferred-networks (9.9,()')
})

test.each([
  ['Fargate', { eth0: [nic('169.254.172.2')], eth1: [nic('10.0.1.23')] }],
  ['EC2, network mode awsvpc', { 'ecs-eth0': [nic('169.254.172.2')], eth0: [nic('10.0.1.23')] }],
])('a task of AWS ECS has the address of its network interface: %s', (_, interfaces) => {
  const { ip, warnings } = chooseAddress(open, { lo: [nic('127.0.0.1')], ...interfaces })
  expect({ ip, warnings }).toEqual({ ip: '10.0.1.23', warnings: [] })
})

test('an app bound to one address is registered there', () => {
  expect(chooseAddress(open, many, '192.168.7.7')).toMatchObject({ ip: '192.168.7.7', warnings: [] })
  const { ip, warnings } = chooseAddress({ ...open, networkInterface: 'eth2' }, many, '127.0.0.1')
  expect(ip).toBe('192.168.7.7')
  expect(warnings.join()).toContain('the app listens on 127.0.0.1 only')
})

test('brackets and zones are taken off an address', () => {
  expect(chooseAddress({ ...open, ip: ' [fd00::9%eth0] ' }, {}).ip).toBe('fd00::9')
  expect(chooseAddress({ ...open, ip: 'orders.internal' }, {}).ip).toBe('orders.internal')
})

test.each(['', ' ', 'auto', 'AUTO'])('R10: ip: %j leaves the choice', (ip) => {
  expect(chooseAddress({ ...open, ip }, many)).toEqual(chooseAddress(open, many))
})

test.each(['orders', 'orders.internal', 'my_host', 'xn--bcher-kva.example', 'host-1.example.', '1a.b2'])(
  'R10: ip: %j is a host name',
  (ip) => expect(chooseAddress({ ...open, ip }, many).ip).toBe(ip),
)

test.each([
  '0.0.0.0',
  '::',
  'http://10.0.0.1',
  '10.0.0.1:80',
  'a b',
  '10.0.0.999',
  '10.0.1',
  'a..b',
  '-a',
  'auto:80',
  '${IP}',
])('R10: ip: %j is refused', (ip) => {
  expect(() => chooseAddress({ ...open, ip }, many)).toThrow(/cloud\.nacos\.discovery\.ip: expected an address/)
})

test('an interface that is not there is an error with the ones that are', () => {
  const choose = () => chooseAddress({ ...open, networkInterface: 'eth9' }, many)
  expect(choose).toThrow(SidecarError)
  expect(choose).toThrow(/"eth9".*eth0.*docker0/)
})

describe('cloud.inetutils', () => {
  const chosen = (inet: object, settings: object = {}) => chooseAddress({ ...open, ...settings }, many, '::', inet)

  test('C5: preferred-networks, asked after those of cloud.nacos.discovery', () => {
    expect(chosen({ preferredNetworks: ['192.168'] }).ip).toBe('192.168.7.7')
    expect(chosen({ preferredNetworks: ['192\\.168\\..*'] }).ip).toBe('192.168.7.7')
    expect(chosen({ preferredNetworks: ['192.168'] }, { preferredNetworks: [chosen({}).ip] }).ip).toBe(chosen({}).ip)
    expect(chosen({ preferredNetworks: ['198.51.100.'] }).warnings.join()).toContain(
      'cloud.inetutils.preferred-networks',
    )
  })

  test('C5: ignored-interfaces are whole names, as expressions', () => {
    const [first = ''] = /on (\S+?)(;|$)/.exec(chosen({}).reason)?.slice(1) ?? []
    expect(chosen({ ignoredInterfaces: [first] }).ip).not.toBe(chosen({}).ip)
    expect(chosen({ ignoredInterfaces: [first.slice(0, -1)] }).ip).toBe(chosen({}).ip)
    expect(chosen({ ignoredInterfaces: ['.*'] })).toMatchObject({
      ip: chosen({}).ip,
      warnings: [expect.stringContaining('ignored-interfaces (.*) excludes every address')],
    })
  })

  test('C5: use-only-site-local-interfaces, default-ip-address', () => {
    const address = (one: string, family: 'IPv4' | 'IPv6' = 'IPv4') =>
      ({ address: one, family, internal: false }) as never
    const two = { eth0: [address('8.8.8.8')], wan: [address('100.64.0.1')], lan: [address('172.20.0.2')] }
    expect(chooseAddress(open, two, '::', { useOnlySiteLocalInterfaces: true }).ip).toBe('172.20.0.2')
    expect(chooseAddress(open, {}, '::', { defaultIpAddress: '10.9.9.9' }).ip).toBe('10.9.9.9')
  })

  test('J8: ip-type chooses the kind of address', () => {
    const address = (one: string, family: 'IPv4' | 'IPv6') => ({ address: one, family, internal: false }) as never
    const both = { eth0: [address('10.0.0.1', 'IPv4'), address('fd00::1', 'IPv6')] }
    expect(chooseAddress({ ...open, ipType: 'ipv6' }, both).ip).toBe('fd00::1')
    expect(chooseAddress({ ...open, ipType: 'ipv4' }, both).ip).toBe('10.0.0.1')
    const { ip, warnings } = chooseAddress({ ...open, ipType: 'ipv6' }, { eth0: [address('10.0.0.1', 'IPv4')] })
    expect([ip, warnings.length]).toEqual(['10.0.0.1', 1])
  })
})
