import { accessSync, constants, existsSync, mkdtempSync, rmdirSync, statSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { dirname, join } from 'node:path'
import { fieldOf, messageOf } from '../../errors.js'
import { chooseAddress } from '../../registration/address.js'
import { isRegistering } from '../../registration/member.js'
import type { Settings } from '../../settings/schema.js'
import { isObject } from '../../util/is-object.js'
import { withDeadline } from '../../util/deadline.js'
import { CHECK_MS, failed, ok, skipped, warned, type Finding } from './finding.js'

/** The address that would be registered, and why it is this one. */
export function checkAddress(settings: Settings): Finding[] {
  if (!isRegistering(settings)) return [skipped('address', 'registration is switched off')]
  const fix = 'set cloud.nacos.discovery.ip, network-interface or preferred-networks'
  try {
    const { discovery } = settings.cloud.nacos
    const { ip, reason, warnings } = chooseAddress(discovery, undefined, undefined, settings.cloud.inetutils)
    const doubts = warnings.map((warning) => warned('address', `${ip}: ${reason}`, warning.split(';')[0]!, fix))
    return doubts.length > 0 ? doubts : [ok('address', `${ip}: ${reason}`)]
  } catch (error) {
    return [failed('address', 'none can be chosen', messageOf(error), fix)]
  }
}

/** The port of the app: free, or this app listens on it. */
export async function checkPort(port: number | undefined): Promise<Finding> {
  if (!port) return skipped('port', 'none is set: the one that the app listens on is registered')
  if (!(await isListening(port))) return bindable(port)
  const url = `http://127.0.0.1:${port}/actuator/health`
  const { said, status } = await healthAt(url)
  if (status === 'UP') return ok('port', `${port}: the app listens, and is UP`)
  if (status !== undefined) {
    return failed(
      'port',
      `${port}: the app listens, and is ${status}`,
      `${url} says ${status}`,
      'see the log of the app',
    )
  }
  return failed(
    'port',
    `${port} is in use`,
    `a program listens there that is no app with a sidecar: ${said}`,
    'stop that program, or change server.port',
  )
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (listening: boolean) => {
      socket.destroy()
      resolve(listening)
    }
    socket.setTimeout(CHECK_MS, () => end(false))
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}

/** Another address of this machine may have it; and a port below 1024 is not for each user. */
function bindable(port: number): Promise<Finding> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => {
      const code = fieldOf(error, 'code')
      const [cause, fix] =
        code === 'EACCES'
          ? ['this user may not listen on a port below 1024', 'use a port from 1024 on, and change server.port']
          : [`it cannot be listened on: ${messageOf(error)}`, 'stop the program that has it, or change server.port']
      resolve(failed('port', `${port} cannot be used`, cause, fix))
    })
    server.listen(port, () => server.close(() => resolve(ok('port', `${port} is free for the app`))))
  })
}

async function healthAt(url: string): Promise<{ said: string; status?: string }> {
  try {
    return await withDeadline(CHECK_MS, [], async (signal) => {
      const response = await fetch(url, { signal })
      const text = await response.text()
      const said = `${url} answers HTTP ${response.status}`
      try {
        const page: unknown = JSON.parse(text)
        return isObject(page) && typeof page['status'] === 'string' ? { said, status: page['status'] } : { said }
      } catch {
        return { said }
      }
    })
  } catch {
    return { said: `${url} does not answer` }
  }
}

/** Makes and removes a folder where the snapshots would be. */
export function checkSnapshots(folder: string | undefined): Finding {
  if (folder === undefined) return skipped('snapshots', 'switched off')
  const fix = 'make it writable, or set sidecar.snapshot-dir to another folder or to off'
  let at = folder
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at)
  try {
    if (!statSync(at).isDirectory()) return failed('snapshots', folder, `${at} is a file, not a folder`, fix)
    // Root may write everywhere; a disk that is read-only refuses root as well.
    accessSync(at, constants.W_OK)
    rmdirSync(mkdtempSync(join(at, '.nacos-sidecar-')))
    return ok('snapshots', folder)
  } catch (error) {
    return failed('snapshots', folder, `${at} cannot be written: ${messageOf(error)}`, fix)
  }
}
