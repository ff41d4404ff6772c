import type { TestProject } from 'vitest/node'
import type { ContractTarget } from '../../contract/support/target.js'
import { buildJavaPeer } from '../servers/java-peer.js'
import { buildNacos, startNacos } from '../servers/nacos.js'
import type { RealServer } from '../servers/real-server.js'
import { installRnacos, startRnacos } from '../servers/rnacos.js'
import { Unavailable } from '../servers/unavailable.js'
import { probe } from './probe.js'

/** What a test file learns of a server: its targets, or why there are none. */
export interface RealEntry {
  readonly id: ServerId
  readonly name: string
  readonly targets: readonly ContractTarget[]
  readonly missing?: Missing
}

export type ServerId = 'rnacos' | 'rnacos-auth' | 'nacos' | 'nacos-auth' | 'given'

export interface Missing {
  readonly reason: string
  /** True where the machine lacks the tool: then it is no failure, but it is said. */
  readonly toolAbsent: boolean
}

export interface JavaEntry {
  readonly classPath?: string
  readonly missing?: Missing
}

declare module 'vitest' {
  export interface ProvidedContext {
    servers: readonly RealEntry[]
    java: JavaEntry
  }
}

type Start = () => Promise<RealServer & { stop?(): Promise<void> }>

const STARTS: readonly (readonly [ServerId, string, Start])[] = [
  ['rnacos', 'r-nacos', () => startRnacos(false)],
  ['rnacos-auth', 'r-nacos with auth', () => startRnacos(true)],
  ['nacos', 'Nacos', () => startNacos(false)],
  ['nacos-auth', 'Nacos with auth', () => startNacos(true)],
]

/** Starts every server once for all test files, or takes the one in `NACOS_SERVER`. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['NACOS_SERVER']
  const starts: typeof STARTS = given === undefined ? STARTS : [['given', given, async () => givenServer(given)]]
  // A signal ends without `exit` handlers otherwise, and the servers would live on.
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
  const stops: (() => Promise<void>)[] = []
  const stopAll = async () => void (await Promise.all(stops.map((stop) => stop())))

  // A server that starts beside a compiler is not ready in its time, and what it is asked then it answers late.
  const [rnacos, nacos] = given === undefined ? [installRnacos(), buildNacos()] : []
  const classPath = Promise.allSettled([nacos]).then(() => buildJavaPeer())
  await Promise.allSettled([rnacos, nacos, classPath])

  const entries = await Promise.all(
    starts.map(async ([id, label, start]): Promise<RealEntry> => {
      try {
        const server = await start()
        if (server.stop) stops.push(server.stop)
        return { id, name: server.name, targets: await probe(server) }
      } catch (error) {
        return { id, name: label, targets: [], missing: missingOf(error) }
      }
    }),
  )
  const java: JavaEntry = await classPath.then(
    (classPath) => ({ classPath }),
    (error: unknown) => ({ missing: missingOf(error) }),
  )
  project.provide('servers', entries)
  project.provide('java', java)

  report(entries, java)
  return async () => {
    await stopAll()
    // Once more at the end, where a reader of a long log looks.
    report(entries, java)
  }
}

function givenServer(address: string): RealServer {
  const server = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
  const { NACOS_USERNAME: username, NACOS_PASSWORD: password } = process.env
  return { name: server, server, ...(username && { username }), ...(password && { password }) }
}

/** Why a tool or a server cannot be had, of what its start rejected with. */
export function missingOf(error: unknown): Missing {
  // `fetch failed` says nothing; its cause does.
  const told = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const reason = told instanceof Error ? told.message : String(told)
  return { reason, toolAbsent: error instanceof Unavailable && error.absent !== undefined }
}

function report(entries: readonly RealEntry[], java: JavaEntry): void {
  const line = (name: string, gap: Missing | undefined, what: string) =>
    console.log(gap ? `  NOT TESTED  ${name}: ${gap.reason}` : `  tested      ${name}${what}`)
  console.log('\nreal servers')
  for (const { name, targets, missing } of entries) {
    line(name, missing, ` (${targets.map((t) => `${t.kind} ${t.apiVersion}`).join(', ')})`)
  }
  const reachable = entries.some(({ targets }) => targets.some((target) => target.capabilities.grpc))
  const noGrpc = { reason: 'no server here has the gRPC port it needs', toolAbsent: true }
  line('Java nacos-client', java.missing ?? (reachable ? undefined : noGrpc), '')
}
