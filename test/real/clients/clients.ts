import { fileURLToPath } from 'node:url'
import type { ContractTarget } from '../../contract/support/target.js'
import { buildGoPeer } from '../servers/go-peer.js'
import { buildJavaPeer } from '../servers/java-peer.js'
import { pythonPackages } from '../servers/python-packages.js'
import { startJavaPeer } from '../support/java-peer.js'
import { startPeer, type Peer } from '../support/peer-process.js'

export type PeerTarget = Pick<ContractTarget, 'server' | 'auth'>

/** A client of Nacos that is not ours, which speaks the protocol of the peers. */
export interface ThirdPartyClient {
  readonly name: string
  /** Builds or installs it on first use. @throws Unavailable where a tool is missing */
  prepare(): Promise<(target: PeerTarget) => Promise<Peer>>
}

const script = (name: string) => fileURLToPath(new URL(`./python/${name}`, import.meta.url))
const credentials = ({ auth }: PeerTarget) => (auth ? [auth.username, auth.password] : [])

function java(version: string, profile?: string): ThirdPartyClient {
  return {
    name: `Java nacos-client ${version}`,
    async prepare() {
      const classPath = await buildJavaPeer(profile)
      return (target) => startJavaPeer(classPath, target)
    },
  }
}

function python(version: string): ThirdPartyClient {
  const name = `Python nacos-sdk-python ${version}`
  return {
    name,
    async prepare() {
      const folder = await pythonPackages('nacos-sdk-python', version)
      return (target) =>
        startPeer({
          name,
          command: 'python3',
          args: () => [script('peer.py'), target.server, ...credentials(target)],
          env: { PYTHONPATH: folder },
        })
    },
  }
}

const go: ThirdPartyClient = {
  name: 'Go nacos-sdk-go 2.3.2',
  async prepare() {
    const command = await buildGoPeer()
    return (target) => startPeer({ name: 'the Go peer', command, args: () => [target.server, ...credentials(target)] })
  },
}

/** Clients that register, subscribe, and read, publish and follow configs over gRPC. npm `nacos` has a suite of its own. */
export const CLIENTS: readonly ThirdPartyClient[] = [
  java('2.4.3'),
  java('3.0.3', 'client3'),
  python('2.0.11'),
  python('3.2.0'),
  go,
]

const SIDECAR_VERSION = '0.1.67'

/** ultra-paas-sidecar: a Flask service that joins as `service` and reads `dataId`. */
export async function preparePythonSidecar() {
  const folder = await pythonPackages('ultra-paas-sidecar', SIDECAR_VERSION)
  return (target: PeerTarget, service: string, dataId: string): Promise<Peer> =>
    startPeer({
      name: `ultra-paas-sidecar ${SIDECAR_VERSION}`,
      command: 'python3',
      args: () => [script('sidecar_peer.py'), target.server, service, dataId],
      env: { PYTHONPATH: folder },
    })
}
