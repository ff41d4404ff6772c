import { isDeepStrictEqual } from 'node:util'
import { messageOf } from '../../errors.js'
import { RegistryError } from '../../nacos/http/failure.js'
import { createHttpTransport, type HttpTransport } from '../../nacos/http/transport.js'
import { connectionsOf, type ConnectionOptions } from '../../settings/connection.js'
import type { Settings } from '../../settings/schema.js'
import type { ServerAddress } from '../../settings/server-address.js'
import { withDeadline } from '../../util/deadline.js'
import { SILENT } from '../guest.js'
import { getPage, listFrom } from '../registry-pages.js'
import { CHECK_MS, failed, ok, skipped, type CheckName, type Finding } from './finding.js'
import { checkGrpc, checkName, checkPortOf } from './network-checks.js'

/** More than the `Date` header, of whole seconds, and a slow answer make up. */
const MOST_SKEW_MS = 10_000
/** An unknown service is an empty list everywhere; a v3 server that lists by cluster is not asked for the others. */
async function probe(transport: HttpTransport, namespace: string): Promise<void> {
  await transport.list({ namespace, group: 'DEFAULT_GROUP', service: 'nacos-sidecar' }, undefined, async () => [])
}

/** A registry that answers, for the checks of what is in it. */
export interface ReachableRegistry {
  readonly connection: ConnectionOptions
  readonly transport: HttpTransport
}

export interface RegistryReport {
  readonly findings: readonly Finding[]
  /** The one for services, if it answers. */
  readonly discovery: ReachableRegistry | undefined
  close(): Promise<void>
}

/** Each registry of the settings: mostly one, for services and configs. */
export async function checkRegistries(settings: Settings): Promise<RegistryReport> {
  const { discovery, config } = connectionsOf(settings.cloud.nacos)
  const connections = isDeepStrictEqual(discovery, config) ? [discovery] : [discovery, config]
  const opened = connections.map((connection) => ({ connection, transport: open(connection) }))
  const checked = await Promise.all(opened.map((one) => checkRegistry(one, settings)))
  return {
    findings: checked.flatMap(({ findings }) => findings),
    discovery: checked[0]!.answers ? opened[0] : undefined,
    async close() {
      await Promise.all(opened.map(({ transport }) => transport.close()))
    },
  }
}

function open(connection: ConnectionOptions): HttpTransport {
  const requestTimeoutMs = Math.min(connection.requestTimeoutMs, CHECK_MS)
  return createHttpTransport({ ...connection, requestTimeoutMs, logger: SILENT })
}

interface Checked {
  readonly findings: readonly Finding[]
  readonly answers: boolean
}

async function checkRegistry(registry: ReachableRegistry, settings: Settings): Promise<Checked> {
  const { connection, transport } = registry
  const { addressServer } = connection
  const findings: Finding[] = []
  if (addressServer !== undefined) {
    try {
      await withDeadline(CHECK_MS, [], (signal) => transport.source.ready(signal))
      findings.push(ok('endpoint', `${addressServer} names ${authorities(transport.source.current)}`))
    } catch (error) {
      const fix = 'correct cloud.nacos.endpoint, or start the address server'
      findings.push(failed('endpoint', addressServer, messageOf(error), fix), ...notReached('no address is known'))
      return { findings, answers: false }
    }
  }
  const addresses = transport.source.current
  const [names, ports, grpc] = await Promise.all([
    Promise.all(addresses.map(checkName)),
    Promise.all(addresses.map(checkPortOf)),
    Promise.all(addresses.map((address) => checkGrpc(address, connection, settings))),
  ])
  const unknown = new Set(addresses.filter((_, at) => names[at]!.state === 'failed'))
  // A name that has no address is one finding, not three.
  const without = (found: readonly Finding[]) => found.filter((_, at) => !unknown.has(addresses[at]!))
  findings.push(...names, ...without(ports))
  const node = addresses.find((_, at) => ports[at]!.state === 'ok')
  if (!node) {
    findings.push(...notReached('no address of the registry can be reached', ['grpc', ...BEHIND]))
    return { findings, answers: false }
  }
  findings.push(...without(grpc))
  const [api, clock] = await Promise.all([checkApi(registry), checkClock(connection, node)])
  findings.push(...api.findings, clock)
  return { findings, answers: api.answers }
}

const BEHIND: readonly CheckName[] = ['api', 'login', 'namespace', 'clock']

const notReached = (why: string, checks = BEHIND): Finding[] => checks.map((check) => skipped(check, why))

const authorities = (addresses: readonly ServerAddress[]) => addresses.map(({ authority }) => authority).join(', ')

/** API version, login and namespace: the answers to one question, and one more. */
async function checkApi(registry: ReachableRegistry): Promise<Checked> {
  const { transport, connection } = registry
  const { username, accessKey, namespace } = connection
  const user = username ?? accessKey
  try {
    await probe(transport, namespace)
  } catch (error) {
    const { why, advice } = error instanceof RegistryError ? error.told : { why: messageOf(error), advice: '' }
    const kind = error instanceof RegistryError ? error.kind : undefined
    if (kind === 'login' || kind === 'denied') {
      const who = user === undefined ? 'without a user' : `as ${user}`
      const rest = skipped('namespace', 'the login failed')
      return { findings: [ok('api', spoken(transport)), failed('login', who, why, advice), rest], answers: false }
    }
    const other = await otherApi(connection)
    const api =
      other === undefined
        ? failed('api', transport.describe().server, why, advice)
        : failed(
            'api',
            `${connection.apiVersion} is set`,
            `the server speaks the ${other} API only`,
            `set cloud.nacos.api-version: auto, or ${other}`,
          )
    return { findings: [api, ...notReached('the API does not answer', ['login', 'namespace'])], answers: false }
  }
  const login = user === undefined ? skipped('login', 'no user is set, and none is needed') : ok('login', `as ${user}`)
  return { findings: [ok('api', spoken(transport)), login, await checkNamespace(registry)], answers: true }
}

function spoken(transport: HttpTransport): string {
  const { server, protocol, reason } = transport.describe()
  return `${server}: ${protocol}${reason === undefined ? '' : ` (${reason})`}`
}

/** The API that the server has, where it has not the one that is set. */
async function otherApi(connection: ConnectionOptions): Promise<string | undefined> {
  if (connection.apiVersion === 'auto') return undefined
  const transport = open({ ...connection, apiVersion: 'auto' })
  try {
    await probe(transport, connection.namespace)
    return transport.api === connection.apiVersion ? undefined : transport.api
  } catch {
    return undefined
  } finally {
    await transport.close()
  }
}

interface Namespace {
  readonly id: string
  readonly name: string
}

/** Nacos takes instances and documents of a namespace that does not exist: its console then shows neither. */
async function checkNamespace({ connection, transport }: ReachableRegistry): Promise<Finding> {
  const { namespace } = connection
  if (namespace === '') return ok('namespace', 'public')
  const known = await namespacesOf(connection, transport)
  if (known === undefined) return skipped('namespace', `${namespace}: this server does not let this user list them`)
  if (known.some(({ id }) => id === namespace)) return ok('namespace', namespace)
  const named = known.find(({ name }) => name === namespace)
  const ids = known.map(({ id }) => id || 'public').join(', ')
  return failed(
    'namespace',
    namespace,
    named ? `${namespace} is the name of a namespace, not its id` : `the registry has no such namespace, but ${ids}`,
    named
      ? `set cloud.nacos.namespace: ${named.id || 'public'}`
      : `create it in the console with this id, or correct cloud.nacos.namespace`,
  )
}

async function namespacesOf(
  connection: ConnectionOptions,
  transport: HttpTransport,
): Promise<readonly Namespace[] | undefined> {
  const path = transport.api === 'v3' ? '/v3/admin/core/namespace/list' : '/v1/console/namespaces'
  const list = await listFrom(transport, { connection, path, timeoutMs: CHECK_MS }, 'data')
  return list?.map((one) => {
    const id = String(one['namespace'] ?? '')
    return { id: id === 'public' ? '' : id, name: String(one['namespaceShowName'] ?? '') }
  })
}

/** By the `Date` header of any answer. */
async function checkClock(connection: ConnectionOptions, node: ServerAddress): Promise<Finding> {
  const before = Date.now()
  const asked = await getPage({ connection, address: node, path: '/v1/console/health/liveness', timeoutMs: CHECK_MS })
  const theirs = Date.parse(asked?.headers['date'] ?? '')
  if (Number.isNaN(theirs)) return skipped('clock', 'the registry says no time')
  // The header says whole seconds.
  const skew = theirs + 500 - (before + Date.now()) / 2
  const seconds = Math.round(Math.abs(skew) / 1000)
  if (Math.abs(skew) <= MOST_SKEW_MS) return ok('clock', `${seconds} s from that of the registry`)
  const cause = `this machine is ${seconds} s ${skew > 0 ? 'behind' : 'ahead of'} the registry ${node.authority}`
  return failed(
    'clock',
    'the clocks differ',
    cause,
    'set the clock by NTP, here or there: tokens and signatures expire',
  )
}
