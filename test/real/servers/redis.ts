import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { librariesIn, unpackPackage } from './debian.js'
import { freePort } from './free-ports.js'
import { startProcess, withAttempts } from './server-process.js'

const PROGRAM = '/usr/bin/redis-server'

/** A Redis of this machine, or of Debian's package, that keeps nothing on the disk. */
export function startRedis(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  return withAttempts(3, async () => {
    // Its program stands in the package of its tools.
    const unpacked = existsSync(PROGRAM) ? '' : await unpackPackage('redis-server', ['redis-tools', 'lua-cjson'])
    const port = await freePort([])
    const stop = await startProcess({
      ...{ name: 'Redis', command: join(unpacked, PROGRAM), readyWithinMs: 10_000 },
      args: () => ['--port', `${port}`, '--bind', '127.0.0.1', '--save', ''],
      env: () => (unpacked ? { LD_LIBRARY_PATH: librariesIn(unpacked).join(':') } : {}),
      ready: () =>
        new Promise((resolve, reject) => {
          const socket = connect(port, '127.0.0.1', () => void (socket.destroy(), resolve(true)))
          socket.once('error', reject)
        }),
    })
    return { url: `redis://127.0.0.1:${port}`, stop }
  })
}
