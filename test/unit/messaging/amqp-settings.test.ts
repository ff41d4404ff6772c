import { expect, test } from 'vitest'
import { parseAmqpUrl } from '../../../src/messaging/amqp-url.js'
import { amqpOfSpring } from '../../../src/messaging/spring-rabbitmq.js'
import { createAuthority } from '../../support/certificates.js'
import { loadBootstrap } from '../../support/bootstrap.js'
import { tempFolder } from '../../support/temp-folder.js'

const ofYaml = (yaml: string, vars?: Record<string, string>) => amqpOfSpring(loadBootstrap(yaml, { vars }).store)
const DEFAULTS = {
  ...{ addresses: [{ host: 'localhost', port: 5672 }], username: 'guest', password: 'guest', vhost: '/' },
  ...{ tls: false, heartbeatSeconds: undefined, connectTimeoutMs: undefined },
}

test.each([
  ['amqp://h', { addresses: [{ host: 'h', port: 5672 }] }],
  ['pyamqp://u:p@h', { addresses: [{ host: 'h', port: 5672 }], username: 'u', password: 'p' }],
  [
    'amqp://u:p%40%2F@h:80/a%2Fb',
    { addresses: [{ host: 'h', port: 80 }], username: 'u', password: 'p@/', vhost: 'a/b' },
  ],
  ['amqp://h/', { addresses: [{ host: 'h', port: 5672 }] }],
  ['amqp://h/%2f', { addresses: [{ host: 'h', port: 5672 }] }],
  ['amqps://u@[::1]/v', { addresses: [{ host: '::1', port: 5671 }], username: 'u', password: '', vhost: 'v', tls: {} }],
  [
    'amqp://u:p@a:1/v?heartbeat=7&connection_timeout=900, amqp://b',
    {
      addresses: [
        { host: 'a', port: 1 },
        { host: 'b', port: 5672 },
      ],
      ...{ username: 'u', password: 'p', vhost: 'v', heartbeatSeconds: 7, connectTimeoutMs: 900 },
    },
  ],
])('the URL %s', (url, expected) => {
  expect(parseAmqpUrl(url, 'url')).toEqual({ ...DEFAULTS, ...expected })
})

test.each(['', 'http://h', 'amqp://', 'amqp://u:%zz@h', 'amqp://u:pa/ss@h:x', 'amqp://a:secret@h, redis://b'])(
  'the URL %j is refused, and not repeated',
  (url) => {
    const read = () => parseAmqpUrl(url, 'sidecar.events.url')
    expect(read).toThrowError(expect.objectContaining({ code: 'SIDECAR_SETTINGS_INVALID' }))
    expect(read).toThrowError(/^sidecar\.events\.url: expected a URL such as [^]*%40\)$/)
  },
)

test('spring.rabbitmq: the defaults of Spring Boot', () => {
  expect(ofYaml('')).toEqual(DEFAULTS)
})

test('spring.rabbitmq in any spelling, from the environment too', () => {
  const yaml = `
    spring:
      rabbitmq:
        host: rabbit
        port: 5673
        username: demo
        password: "\${RABBIT_PASSWORD:none}"
        virtualHost: /orders
        requested-heartbeat: 30
        connection-timeout: 3s`
  expect(ofYaml(yaml, { RABBIT_PASSWORD: '007', SPRING_RABBITMQ_HOST: 'other' })).toEqual({
    ...DEFAULTS,
    ...{ addresses: [{ host: 'other', port: 5673 }], username: 'demo', password: '007', vhost: '/orders' },
    ...{ heartbeatSeconds: 30, connectTimeoutMs: 3_000 },
  })
})

test('spring.rabbitmq.addresses: hosts, and URLs whose first one has the user', () => {
  expect(ofYaml('spring.rabbitmq.addresses: "a, b:5673 ,[::1]:7"').addresses).toEqual([
    { host: 'a', port: 5672 },
    { host: 'b', port: 5673 },
    { host: '::1', port: 7 },
  ])
  const yaml = 'spring.rabbitmq: { username: x, virtual-host: kept, addresses: ["amqps://u:p@a", "amqps://b:1"] }'
  expect(ofYaml(yaml)).toMatchObject({
    addresses: [
      { host: 'a', port: 5671 },
      { host: 'b', port: 1 },
    ],
    ...{ username: 'u', password: 'p', vhost: 'kept', tls: {} },
  })
  expect(ofYaml('spring.rabbitmq: { username: x, password: y, addresses: "amqp://a/v" }')).toMatchObject({
    ...{ username: 'x', password: 'y', vhost: 'v', tls: false },
  })
})

test('spring.rabbitmq.ssl: the port of TLS, an SSL bundle of PEM, and what is not checked', async () => {
  expect(ofYaml('spring.rabbitmq: { ssl: { enabled: true } }')).toMatchObject({ addresses: [{ port: 5671 }], tls: {} })
  const { cert } = await createAuthority()
  const folder = tempFolder({ 'ca.pem': cert })
  const yaml = `
    spring:
      rabbitmq.ssl: { enabled: on, bundle: rabbit, validate-server-certificate: false, verify-hostname: false }
      ssl.bundle.pem.rabbit:
        truststore.certificate: file:${folder}/ca.pem
        keystore: { certificate: "-----BEGIN CERTIFICATE-----x", private-key: "-----BEGIN PRIVATE KEY-----y" }`
  expect(ofYaml(yaml).tls).toEqual({
    ...{ ca: cert, cert: '-----BEGIN CERTIFICATE-----x', key: '-----BEGIN PRIVATE KEY-----y' },
    ...{ rejectUnauthorized: false, checkServerIdentity: expect.any(Function) as unknown },
  })
  expect(() => ofYaml('spring.rabbitmq.ssl: { enabled: true, bundle: none }')).toThrow(
    'there is no bundle of PEM named none',
  )
})

test('a wrong value is named, and not repeated', () => {
  const read = () => ofYaml('spring.rabbitmq: { port: secret-1, addresses: "secret/2" }')
  expect(read).toThrow('spring.rabbitmq: port: expected an integer 0–65535')
  const address = () => ofYaml('spring.rabbitmq: { addresses: "u:secret@h" }')
  expect(address).toThrow(/^spring\.rabbitmq\.addresses: expected host:port, or a URL of AMQP$/)
})
