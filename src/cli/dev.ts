import { Command, InvalidArgumentError, Option } from 'commander'
import { SidecarError } from '../errors.js'
import { createLogger } from '../logger.js'
import { startDevServer } from '../dev-server/index.js'
import type { DevServer, DevServerOptions } from '../dev-server/index.js'
import type { ServiceInstance } from '../types.js'
import { interrupted } from './interrupted.js'

interface DevFlags {
  port: number
  grpcPort?: number
  grpc: boolean
  host: string
  allowRemote?: boolean
  allowHost?: string[]
  allowProduction?: boolean
  data?: string
  auth?: string
  tokenTtl?: number
  api?: NonNullable<DevServerOptions['apis']>
  v3List?: DevServerOptions['listWithoutCluster']
  quiet?: boolean
}

/** `nacos-sidecar dev`: the embedded registry in a terminal. */
export function devCommand(): Command {
  return new Command('dev')
    .description('Start the embedded Nacos registry, for development and demos.')
    .option('-p, --port <port>', 'port to listen on; 0 takes a free one', portNumber, 8848)
    .option('--grpc-port <port>', 'port of gRPC (default: the port + 1000); 0 takes a free one', portNumber)
    .option('--no-grpc', 'no gRPC: clients poll')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--allow-remote', 'accept other machines (needed with a --host that is not loopback)')
    .option('--allow-host <name...>', 'additional host names that it accepts, such as host.docker.internal')
    .option('-d, --data <dir>', 'keep configs in this directory (default: in memory)')
    .addOption(new Option('--auth <user:password>', 'turn auth on with this user').env('NACOS_SIDECAR_DEV_AUTH'))
    .option('--token-ttl <seconds>', 'life of a login token', positiveNumber)
    .addOption(
      new Option('--api <versions>', 'HTTP APIs to offer: v1, v3 or both')
        .default(undefined, 'v1,v3')
        .argParser(apiVersions),
    )
    .addOption(
      new Option(
        '--v3-list <clusters>',
        'clusters in a v3 list that names none: default, as 3.0 to 3.2, or all (default: all with v3 alone)',
      ).choices(['all', 'default']),
    )
    .option('-q, --quiet', 'print the address only')
    .option('--allow-production', 'start although NODE_ENV is production')
    .action(run)
}

async function run(flags: DevFlags): Promise<void> {
  const registry = await startDevServer({
    port: flags.port,
    grpcPort: flags.grpc ? flags.grpcPort : false,
    host: flags.host,
    allowRemote: flags.allowRemote,
    allowedHosts: flags.allowHost,
    allowProduction: flags.allowProduction,
    dataDir: flags.data,
    auth: flags.auth === undefined ? undefined : { ...credentials(flags.auth), tokenTtlSeconds: flags.tokenTtl },
    apis: flags.api,
    listWithoutCluster: flags.v3List,
    logger: createLogger('warn'),
  })
  console.log(flags.quiet ? registry.address : greeting(registry, flags))
  if (!flags.quiet) printEvents(registry)
  await interrupted()
  await registry.stop()
  if (!flags.quiet) console.log('Registry stopped.')
}

function greeting({ address, url, grpcPort }: DevServer, { data, auth }: DevFlags): string {
  const configs = data === undefined ? 'configs in memory' : `configs in ${data}`
  const nacos = [`server-addr: ${address}`, ...(auth ? [`username: ${credentials(auth).username}`, 'password: …'] : [])]
  return [
    `Nacos registry for development on ${url}/nacos (${auth ? 'auth on' : 'auth off'}, ${configs})`,
    '',
    '  bootstrap.yml',
    '    spring:',
    '      cloud:',
    '        nacos:',
    ...nacos.map((line) => `          ${line}`),
    '',
    `  Console    ${url}/`,
    `  gRPC       ${grpcPort === undefined ? 'off' : `port ${grpcPort}`}`,
    '  Ctrl-C ends it.',
    '',
  ].join('\n')
}

/** One line per thing that happens, so that a developer sees his service come and go. */
function printEvents(registry: DevServer): void {
  const print = (what: string, text: string) =>
    console.log(`${new Date().toTimeString().slice(0, 8)}  ${what.padEnd(10)}  ${text}`)
  const named = ({ group, service, ip, port, namespace }: ServiceInstance) =>
    `${printable(service)}  ${printable(ip.includes(':') ? `[${ip}]` : ip)}:${port}${elsewhere(group, namespace)}`
  registry.on('register', ({ instance }) => print('registered', named(instance)))
  registry.on('deregister', ({ instance }) => print('left', named(instance)))
  registry.on('expire', ({ instance }) => print('expired', named(instance)))
  registry.on('publish', ({ config }) =>
    print('published', `${printable(config.dataId)}${elsewhere(config.group, config.namespace)}`),
  )
  registry.on('deleteConfig', ({ key }) =>
    print('deleted', `${printable(key.dataId)}${elsewhere(key.group, key.namespace)}`),
  )
}

function elsewhere(group: string, namespace: string): string {
  const parts = [
    ...(group === 'DEFAULT_GROUP' ? [] : [`group ${group}`]),
    ...(namespace === '' ? [] : [`namespace ${namespace}`]),
  ]
  return parts.length === 0 ? '' : `  (${printable(parts.join(', '))})`
}

// Names come from the network: no escape sequence may reach the terminal.
function printable(text: string): string {
  return text.replace(/\p{C}/gu, '?')
}

function portNumber(raw: string): number {
  const port = Number(raw)
  if (/^\d+$/.test(raw) && port <= 65_535) return port
  throw new InvalidArgumentError(`Expected an integer 0–65535, got "${raw}".`)
}

function positiveNumber(raw: string): number {
  const value = Number(raw)
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError(`Expected a positive number, got "${raw}".`)
}

// Read here and not by commander, whose complaint repeats the value: part of it may be a password.
function credentials(raw: string): { username: string; password: string } {
  const [username, ...rest] = raw.split(':')
  const password = rest.join(':')
  if (username && password) return { username, password }
  throw new SidecarError(
    'SIDECAR_DEV_SERVER',
    '--auth (NACOS_SIDECAR_DEV_AUTH): expected user:password, both not empty.',
  )
}

function apiVersions(raw: string): NonNullable<DevServerOptions['apis']> {
  const apis = raw.split(',').map((part) => part.trim())
  if (apis.every((api) => api === 'v1' || api === 'v3')) return apis
  throw new InvalidArgumentError(`Expected v1, v3 or v1,v3, got "${raw}".`)
}
