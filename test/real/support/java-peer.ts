import type { ContractTarget } from '../../contract/support/target.js'
import { startPeer, type Peer, type PeerInstance } from './peer-process.js'

export interface JavaInstance extends PeerInstance {
  readonly cluster: string
}

export type JavaPeer = Peer<JavaInstance>

/** Starts the Java neighbour and waits until its client is connected. */
export function startJavaPeer(
  classPath: string,
  { server, auth }: Pick<ContractTarget, 'server' | 'auth'>,
): Promise<JavaPeer> {
  return startPeer<JavaInstance>({
    name: 'the Java peer',
    command: 'java',
    args: (home) => [
      ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Duser.home=${home}`, '-Dfile.encoding=UTF-8'],
      ...['-cp', classPath, 'interop.Peer', server],
      ...(auth ? [auth.username, auth.password] : []),
    ],
  })
}
