import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { grpcAddressOf } from '../../../src/nacos/grpc/addresses.js'
import { connectionOf } from '../../../src/settings/connection.js'
import { parseServerAddresses } from '../../../src/settings/server-address.js'
import { loadBootstrap } from '../../support/bootstrap.js'

const nacosOf = (yaml: string) => loadBootstrap(yaml).settings.cloud.nacos

describe('addresses', () => {
  test.each<[string, [string, number, boolean, string][]]>([
    ['nacos', [['nacos', 8848, false, 'nacos:8848']]],
    [
      '10.0.0.1:80, 10.0.0.2;c:81',
      [
        ['10.0.0.1', 80, false, '10.0.0.1:80'],
        ['10.0.0.2', 8848, false, '10.0.0.2:8848'],
        ['c', 81, false, 'c:81'],
      ],
    ],
    ['[::1]', [['::1', 8848, false, '[::1]:8848']]],
    ['https://[fe80::1]:443', [['fe80::1', 443, true, '[fe80::1]:443']]],
    ['HTTP://nacos:80/', [['nacos', 80, false, 'nacos:80']]],
  ])('%s', (text, expected) => {
    const { addresses } = parseServerAddresses(text)
    expect(addresses.map(({ host, port, tls, authority }) => [host, port, tls, authority])).toEqual(expected)
  })

  test.each<[string, number, boolean]>([
    ['https://nacos.example.com', 443, true],
    ['https://nacos.example.com/', 443, true],
    ['http://nacos.example.com/nacos', 80, false],
    ['HTTPS://[::1]/x', 443, true],
    ['https://nacos.example.com:8848', 8848, true],
    ['nacos.example.com', 8848, false],
    ['nacos.example.com/nacos', 8848, false],
  ])('R8: %s leads to port %i: a URL as it stands, 8848 for a bare host', (text, port, tls) => {
    expect(parseServerAddresses(text).addresses).toMatchObject([{ port, tls }])
  })

  test.each([
    ['http://a:8848/nacos/#/login', '/nacos'],
    ['http://a:8848/nacos/index.html#/serviceManagement?dataId=&group=', '/nacos'],
    ['https://a/base/nacos/?namespace=x', '/base/nacos'],
    ['http://a:8080/next/', '/nacos'],
    ['a:8848/nacos?x=1', '/nacos'],
  ])('R8: %s, as a browser shows it, has the context path %s', (serverAddr, contextPath) => {
    const nacos = nacosOf(`cloud: { nacos: { server-addr: '${serverAddr}' } }`)
    expect(connectionOf(nacos, 'config')).toMatchObject({
      addresses: [{ host: 'a' }],
      contextPath,
    })
  })

  test('R8: gRPC is looked for beside the real port', () => {
    const { addresses } = parseServerAddresses('https://nacos.example.com,nacos')
    expect(addresses.map((address) => grpcAddressOf(address, {}))).toMatchObject([
      { authority: 'nacos.example.com:1443', tls: true },
      { authority: 'nacos:9848', tls: false },
    ])
    expect(grpcAddressOf(addresses[0]!, { grpcPort: 9848 })).toMatchObject({ port: 9848, tls: true })
  })

  test.each([
    ['', 'an empty list'],
    ['::1', 'write an IPv6 address in brackets'],
    ['a:0', 'expected a port 1–65535, got 0'],
    ['a:99999', 'expected a port 1–65535, got 99999'],
    ['ftp://a', 'expected http:// or https://, got ftp://'],
    ['a b:c', 'expected host:port, got "b:c"'],
    ['a?x=1', 'expected host:port'],
    ['a\r\nHost: b', 'expected host:port'],
  ])('%j is refused', (text, message) => expect(() => parseServerAddresses(text)).toThrow(message))

  test('a password in an address is refused and not repeated', () => {
    expect(() => parseServerAddresses('http://u:canary@nacos')).toThrow(/^expected host:port without user/)
  })
})

describe('a section', () => {
  const yaml = `cloud.nacos:
  server-addr: base:1
  namespace: public
  username: u
  password: p
  tls: { enabled: true, ca-file: ca.pem, key-passphrase: canary1 }
  discovery: { server-addr: "http://disc:2/ctx/, also:3", namespace: dev }
  config: { username: cu, password: canary2, secret-key: canary3, access-key: canary4, security-token: canary5 }
`

  test('inherits what it leaves out', () => {
    const nacos = nacosOf(yaml)
    expect({ ...connectionOf(nacos, 'discovery') }).toMatchObject({
      addresses: [
        { host: 'disc', port: 2, tls: false },
        { host: 'also', port: 3, tls: true },
      ],
      namespace: 'dev',
      contextPath: '/ctx',
      username: 'u',
      password: 'p',
      tls: { enabled: true, caFile: 'ca.pem' },
      apiVersion: 'auto',
      requestTimeoutMs: 5000,
      beatTimeoutMs: 2000,
    })
    expect({ ...connectionOf(nacos, 'config') }).toMatchObject({
      addresses: [{ host: 'base', port: 1, tls: true }],
      namespace: '',
      contextPath: '/nacos',
      username: 'cu',
    })
  })

  test('defaults', () => {
    expect({ ...connectionOf(nacosOf(''), 'config') }).toMatchObject({
      addresses: [{ authority: '127.0.0.1:8848', tls: false }],
      namespace: '',
      tls: { enabled: false },
    })
    expect(connectionOf(nacosOf('cloud.nacos.context-path: /'), 'config').contextPath).toBe('')
  })

  test.each<[string, boolean]>([
    ['tls: { ca-file: ca.pem }', true],
    ['tls: { cert-file: c.pem, key-file: k.pem }', true],
    ['tls: { ca-file: ca.pem, enabled: false }', false],
    ['tls: { ca-file: ca.pem }, server-addr: "http://nacos"', false],
  ])('a password does not go in the clear where certificates are named: %s', (yaml, secure) => {
    const { addresses, tls } = connectionOf(nacosOf(`cloud.nacos: { password: p, ${yaml} }`), 'discovery')
    expect([addresses[0]!.tls, tls.enabled]).toEqual([secure, secure])
  })

  test('shows no secret, but has them', () => {
    const connection = connectionOf(nacosOf(yaml), 'config')
    expect(JSON.stringify(connection) + inspect(connection, { depth: 9 })).not.toContain('canary')
    expect(JSON.stringify(connection)).toContain('"password":"***"')
    expect([connection.password, connection.tls.keyPassphrase]).toEqual(['canary2', 'canary1'])
  })
})
