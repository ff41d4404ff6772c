import { onTestFinished } from 'vitest'
import { createGrpcLink, type GrpcLink } from '../../src/nacos/grpc/link.js'
import type { GrpcLinkOptions } from '../../src/nacos/grpc/options.js'
import { parseServerAddresses } from '../../src/settings/server-address.js'
import { startScriptedServer, type ScriptedServer, type ScriptedServerOptions } from './scripted-grpc-server.js'
import { anInstance, PLAIN_CONNECTION } from './transport.js'

export async function server(options?: ScriptedServerOptions): Promise<ScriptedServer> {
  const started = await startScriptedServer(options)
  onTestFinished(() => started.close())
  return started
}

export interface Log {
  readonly lines: string[]
}

/** Options for servers on these ports, with the offset at 0: the HTTP side is not there. */
export function linkOptions(ports: number | readonly number[], rest: Partial<GrpcLinkOptions> = {}) {
  const lines: string[] = []
  const log = (level: string) => (message: string) => void lines.push(`${level} ${message}`)
  const options: GrpcLinkOptions = {
    addresses: parseServerAddresses(
      [ports]
        .flat()
        .map((port) => `127.0.0.1:${port}`)
        .join(','),
    ).addresses,
    ...PLAIN_CONNECTION,
    apiVersion: 'auto',
    requestTimeoutMs: 5_000,
    beatTimeoutMs: 2_000,
    grpcPortOffset: 0,
    // The tests lose connections on purpose, and often.
    minAttemptMs: 50,
    maxBackoffMs: 200,
    logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    ...rest,
  }
  return { options, lines }
}

export function link(ports: number | readonly number[], rest: Partial<GrpcLinkOptions> = {}): GrpcLink & Log {
  const { options, lines } = linkOptions(ports, rest)
  const created = createGrpcLink(options)
  // Before its server: what was opened last is closed first.
  onTestFinished(() => created.close())
  return Object.assign(created, { lines })
}

export function up(of: GrpcLink): Promise<void> {
  return new Promise((resolve) => of.onUp(() => resolve()))
}

export const service = (name = 'users') => ({ namespace: '', group: 'DEFAULT_GROUP', service: name })
export const document = (dataId = 'app.yml') => ({ namespace: '', group: 'DEFAULT_GROUP', dataId })
export const instance = (port: number, name = 'users') =>
  anInstance({ ...service(name), ip: '10.0.0.1', port, metadata: { 城: '杭州' } })
