import { once } from 'node:events'
import { startNacos } from '../../../real/servers/nacos.js'
import { startRnacos } from '../../../real/servers/rnacos.js'
import { startChild } from './children.js'

export interface BenchServer {
  readonly name: string
  /** `host:port` */
  readonly server: string
  readonly grpcPort: number
  /** An instance without heartbeats lasts as long as the bench only if it is persistent. */
  readonly keepsPreserved: boolean
  stop(): Promise<void>
}

export type ServerName = 'embedded' | 'r-nacos' | 'nacos'

export const SERVER_NAMES: readonly ServerName[] = ['embedded', 'r-nacos', 'nacos']

/** @throws Error that says why this machine cannot have it. */
export async function startServer(name: ServerName, registryFile: string): Promise<BenchServer> {
  if (name === 'embedded') return startEmbedded(registryFile)
  const started = name === 'nacos' ? await startNacos(false) : await startRnacos(false)
  return { ...started, grpcPort: portOf(started.server) + 1000, keepsPreserved: name === 'nacos' }
}

async function startEmbedded(file: string): Promise<BenchServer> {
  const child = startChild(file)
  const [{ address }] = (await once(child, 'message')) as [{ address: string }]
  const stop = async () => {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  return { name: 'embedded', server: address, grpcPort: portOf(address) + 1000, keepsPreserved: true, stop }
}

const portOf = (server: string): number => Number(server.split(':')[1])
