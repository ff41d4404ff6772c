import { createServer } from 'node:http'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { diagnose } from '../../../src/cli/doctor.js'
import { checkNode } from '../../../src/cli/doctor/settings-checks.js'
import { createProgram } from '../../../src/cli/program.js'
import { serve } from '../../support/frameworks.js'
import { answering } from '../../support/member.js'
import { ownPort } from '../../support/own-port.js'
import { devRegistry } from '../../support/registry.js'
import { startScriptedRegistry } from '../../support/scripted-registry.js'
import { tempFolder } from '../../support/temp-folder.js'

/** A set-up that works, but for these lines. */
function healthy(address: string, lines: readonly string[] = []): string {
  const keyOf = (line: string) => line.split(': ')[0]
  const usual = [
    'application.name: orders',
    `cloud.nacos.server-addr: ${address}`,
    'cloud.nacos.discovery.ip: 10.0.0.7',
    `sidecar.snapshot-dir: ${tempFolder({})}`,
  ]
  return [...usual.filter((line) => !lines.some((one) => keyOf(one) === keyOf(line))), ...lines].join('\n')
}

const folder = (yaml: string) => tempFolder({ 'bootstrap.yml': yaml })

async function plainServer(status: number, body: object): Promise<number> {
  const { port, close } = await serve(createServer(answering(body, status)))
  onTestFinished(close)
  return port
}

async function scripted() {
  const registry = await startScriptedRegistry()
  onTestFinished(() => registry.close())
  registry.on('/v1/ns/instance/list', { body: { hosts: [] } })
  return registry
}

/** An app folder whose set-up is broken in one way. */
type Broken = () => Promise<string>
const registered = async (lines: readonly string[], options: Parameters<typeof devRegistry>[0] = {}) =>
  folder(healthy((await devRegistry(options)).address, lines))

const SETUPS: readonly [name: string, setup: Broken, check: string, cause: RegExp, fix: RegExp][] = [
  [
    'no file',
    async () => tempFolder({}),
    'settings',
    /^bootstrap\.yml was not found; looked for .*bootstrap/,
    /nacos-sidecar init writes/,
  ],
  [
    'invalid YAML',
    async () => folder('application:\n  name: [orders'),
    'settings',
    /^bootstrap\.yml:\d+:\d+: /,
    /this line and column/,
  ],
  [
    'a value of the wrong type',
    async () => folder('application.name: a\nserver.port: many'),
    'settings',
    /server\.port.*many/,
    /value that is named/,
  ],
  [
    'an unknown key with a near name',
    () => registered(['cloud.nacos.discovery.wieght: 2']),
    'keys',
    /^this key has no effect$/,
    /^write (?:cloud\.nacos\.discovery\.)?weight$/,
  ],
  [
    'a section of nacos.yaml with a value of its own',
    async () => {
      const { address } = await devRegistry()
      return tempFolder({ 'nacos.yaml': `server: ${address}\nservice: orders`, 'package.json': '{"name":"orders"}' })
    },
    'keys',
    /^its value has no effect$/,
    /^write the keys below it$/,
  ],
  [
    'a placeholder without a value',
    async () => folder('application.name: ${ORDERS_NAME}'),
    'placeholders',
    /bootstrap\.yml:1.*ORDERS_NAME/,
    /^set the variable, or give a default: \$\{NAME:default\}$/,
  ],
  [
    'a closed port',
    async () => folder(healthy(`127.0.0.1:${await ownPort()}`)),
    'tcp',
    /^nothing listens on 127\.0\.0\.1:\d+ \(ECONNREFUSED\)$/,
    /^start Nacos, or correct cloud\.nacos\.server-addr; npx nacos-sidecar dev/,
  ],
  [
    'the port of another server',
    async () => folder(healthy(`127.0.0.1:${await plainServer(200, { hello: 'world' })}`, ['sidecar.push: off'])),
    'api',
    /^127\.0\.0\.1:\d+: the answer holds no list of instances /,
    /^Check that cloud\.nacos\.server-addr and context-path lead to Nacos and not to another server\.$/,
  ],
  [
    'a host name that is not known',
    async () => folder(healthy('no-such-host.invalid:8848')),
    'dns',
    /no-such-host\.invalid/,
    /^correct cloud\.nacos\.server-addr, or the DNS/,
  ],
  [
    'a closed gRPC port',
    async () => registered([`sidecar.grpc-port: ${await ownPort()}`], { grpcPort: false }),
    'grpc',
    /^nothing listens on 127\.0\.0\.1:\d+ \(ECONNREFUSED\): changes arrive by polling, later$/,
    /^open port \d+ of the registry \(its HTTP port \+ 1000\)/,
  ],
  [
    'a wrong password',
    () =>
      registered(['cloud.nacos.username: reader', 'cloud.nacos.password: wrong'], {
        auth: { username: 'reader', password: 'right' },
      }),
    'login',
    /login was refused/,
    /^Check cloud\.nacos\.username and cloud\.nacos\.password\.$/,
  ],
  [
    'no login where one is needed',
    () => registered([], { auth: { username: 'reader', password: 'right' } }),
    'login',
    /403|401/,
    /^The registry requires a login: set cloud\.nacos\.username and cloud\.nacos\.password\.$/,
  ],
  [
    'a server that speaks v3 only where v1 is set',
    () => registered(['cloud.nacos.api-version: v1'], { apis: ['v3'] }),
    'api',
    /^the server speaks the v3 API only$/,
    /^set cloud\.nacos\.api-version: auto, or v3$/,
  ],
  [
    'a namespace that is not there',
    () => namespaced('dve'),
    'namespace',
    /^the registry has no such namespace, but public, 7f2c$/,
    /^create it in the console with this id, or correct cloud\.nacos\.namespace$/,
  ],
  [
    'the name of a namespace in place of its id',
    () => namespaced('dev'),
    'namespace',
    /^dev is the name of a namespace, not its id$/,
    /^set cloud\.nacos\.namespace: 7f2c$/,
  ],
  [
    'a clock that is wrong',
    async () => {
      const registry = await scripted()
      const date = new Date(Date.now() + 90_000).toUTCString()
      registry.on('GET /nacos/v1/console/health/liveness', { headers: { date }, body: 'OK' })
      return folder(healthy(registry.address, ['sidecar.push: off']))
    },
    'clock',
    /^this machine is (?:89|90|91) s behind the registry 127\.0\.0\.1:\d+$/,
    /^set the clock by NTP/,
  ],
  [
    'a port that another program has',
    async () => registered([`server.port: ${await plainServer(404, {})}`]),
    'port',
    /no app with a sidecar: http:\/\/127\.0\.0\.1:\d+\/actuator\/health answers HTTP 404$/,
    /^stop that program, or change server\.port$/,
  ],
  [
    'a network interface that is not there',
    () => registered(['cloud.nacos.discovery.ip: auto', 'cloud.nacos.discovery.network-interface: eth9']),
    'address',
    /there is no interface "eth9"/,
    /^set cloud\.nacos\.discovery\.ip, network-interface or preferred-networks$/,
  ],
  [
    'a snapshot folder that cannot be written',
    async () => {
      const file = `${tempFolder({ plain: '' })}/plain`
      return registered([`sidecar.snapshot-dir: ${file}/snapshots`])
    },
    'snapshots',
    /\/plain is a file, not a folder$/,
    /^make it writable, or set sidecar\.snapshot-dir to another folder or to off$/,
  ],
  [
    'an auth service that is down',
    async () => registered(['auth.enabled: true', `auth.service: http://127.0.0.1:${await ownPort()}`]),
    'auth',
    /external\/auth\/check does not answer: .*ECONNREFUSED/,
    /^start the auth service, or correct auth\.service$/,
  ],
  [
    'an auth service that is not registered',
    () => registered(['auth.enabled: true', 'auth.service: auth-service']),
    'auth',
    /^the registry has no instance of auth-service in the group DEFAULT_GROUP$/,
    /^start the auth service, or correct auth\.service$/,
  ],
  [
    'an auth service at another path',
    async () => registered(['auth.enabled: true', `auth.service: http://127.0.0.1:${await plainServer(404, {})}`]),
    'auth',
    /answers HTTP 404$/,
    /^correct auth\.path$/,
  ],
  [
    'an address server that is down',
    async () => registered([`cloud.nacos.endpoint: 127.0.0.1:${await ownPort()}`]),
    'endpoint',
    /address server .*ECONNREFUSED/,
    /^correct cloud\.nacos\.endpoint, or start the address server$/,
  ],
]

async function namespaced(namespace: string): Promise<string> {
  const registry = await scripted()
  const data = [
    { namespace: '', namespaceShowName: 'public' },
    { namespace: '7f2c', namespaceShowName: 'dev' },
  ]
  registry.on('GET /nacos/v1/console/namespaces', { body: { code: 200, data } })
  return folder(healthy(registry.address, [`cloud.nacos.namespace: ${namespace}`, 'sidecar.push: off']))
}

// The environment of the tests switches snapshots off.
beforeEach(() => void vi.stubEnv('SIDECAR_SNAPSHOT_DIR', undefined))
afterEach(() => void vi.unstubAllEnvs())

describe('doctor', () => {
  test.each(SETUPS)('a broken set-up names its cause: %s', async (_, setup, check, cause, fix) => {
    const findings = await diagnose({}, await setup())
    const failures = findings.filter(({ state }) => state === 'failed')
    expect(failures).toMatchObject([
      { check, cause: expect.stringMatching(cause) as string, fix: expect.stringMatching(fix) as string },
    ])
  })

  test('all is well: the lines for people, and JSON', async () => {
    const registry = await devRegistry({ auth: { username: 'reader', password: 'canary' } })
    const port = await plainServer(200, { status: 'UP' })
    const login = ['cloud.nacos.username: reader', 'cloud.nacos.password: canary']
    const cwd = folder(healthy(registry.address, [...login, `server.port: ${port}`]))
    const json = await doctor('--json', '--config', cwd)
    expect(JSON.parse(json.out)).toMatchObject({ ok: true })
    const people = await doctor('--config', cwd)
    const lines = people.out.split('\n').map((line) => line.replace(/ +/g, ' '))
    expect(lines).toEqual([
      `✔ node ${process.versions.node}`,
      expect.stringMatching(/^✔ settings .*bootstrap\.yml$/),
      '✔ keys all are known',
      '✔ placeholders each has a value',
      expect.stringMatching(/^✔ service orders \(.*bootstrap\.yml\)$/),
      '✔ address 10.0.0.7: it is set by cloud.nacos.discovery.ip',
      `✔ port ${port}: the app listens, and is UP`,
      expect.stringMatching(/^✔ snapshots /),
      '✔ dns 127.0.0.1 is an address',
      `✔ tcp ${registry.address}`,
      `✔ grpc 127.0.0.1:${registry.grpcPort}`,
      `✔ api ${registry.address}: http v3 (the server answers the v3 client API)`,
      '✔ login as reader',
      '✔ namespace public',
      expect.stringMatching(/^✔ clock 0 s|1 s from that of the registry$/),
      '– auth auth.enabled is false: there is no guard',
      '',
      'Nothing is wrong.',
    ])
    expect([json.code, people.code]).toEqual([undefined, undefined])
    expect(json.out + people.out).not.toContain('canary')
  })

  test('a failure: exit code 1; what depends on it is skipped', async () => {
    const { out, code } = await doctor('--json', '--config', folder('application.name: a\nserver.port: many'))
    const { ok, checks } = JSON.parse(out) as { ok: boolean; checks: { check: string; state: string }[] }
    expect([code, ok]).toEqual([1, false])
    expect(checks.map(({ check, state }) => `${check} ${state}`).slice(0, 4)).toEqual([
      ...['node ok', 'settings failed', 'service skipped', 'address skipped'],
    ])
  })

  test('a Node.js that is too old', () => {
    expect(checkNode('20.18.3')).toMatchObject({ state: 'failed', fix: 'install Node.js 20.19 or later' })
    expect([checkNode('20.19.0').state, checkNode('26.0.0').state]).toEqual(['ok', 'ok'])
  })
})

/** Runs the command in this process; what it prints, and its exit code. */
async function doctor(...args: string[]) {
  const lines: string[] = []
  process.exitCode = undefined
  const log = vi.spyOn(console, 'log').mockImplementation((text: string) => void lines.push(text))
  try {
    await createProgram('0.0.0').parseAsync(['doctor', ...args], { from: 'user' })
    return { out: lines.join('\n'), code: process.exitCode }
  } finally {
    log.mockRestore()
  }
}
