import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { anyCodeOf, messageOf, SidecarError } from '../errors.js'
import { isSecureServer } from '../lifecycle/http-server.js'
import { isRegistering } from '../registration/member.js'
import type { Sidecar } from '../sidecar.js'

/** Watches from now on; what it returns settles with the registration, or with the first answer that refuses it. */
export function untilRegistered(sidecar: Sidecar): () => Promise<void> {
  const { settings } = sidecar
  const over = new AbortController()
  const { signal } = over
  const settled = (...events: ('registered' | 'registrationFailed')[]) =>
    Promise.race(events.map((event) => once(sidecar, event, { signal })))
  const { failFast } = settings.cloud.nacos.discovery
  const registered = failFast ? settled('registered') : settled('registered', 'registrationFailed')
  const stopped = once(sidecar, 'stopped', { signal }).then(() => {
    const why = sidecar.status().lastError
    throw new SidecarError(
      'SIDECAR_START_FAILED',
      `the service stopped before it was registered${why ? `: ${why}` : ''}`,
    )
  })
  for (const wait of [registered, stopped]) wait.catch(() => {})
  return async () => {
    const waits = isRegistering(settings) && settings.sidecar.registerOn === 'listen'
    try {
      // Without an instance its address is none that another machine can call: the log says why.
      if (waits && sidecar.status().instance) await Promise.race([registered, stopped])
    } finally {
      over.abort()
    }
  }
}

/** What Node says of a port or an address that cannot be had, as an error of ours; any other error as it is. */
export function listenError(error: unknown, port: number, host: string | undefined): unknown {
  const code = anyCodeOf(error)
  const why = {
    EADDRINUSE: 'the port is in use',
    EACCES: 'this user may not listen on it',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'there is no such address',
  }[code ?? '']
  if (error instanceof SidecarError || (why === undefined && (error as { syscall?: unknown }).syscall !== 'listen')) {
    return error
  }
  const where = `server.port ${port}${host === undefined ? '' : `, server.address ${host}`}`
  const text = `cannot listen on ${where}: ${why ?? messageOf(error)}. Set others, or port 0 for any free one`
  return new SidecarError('SIDECAR_LISTEN_FAILED', text, { cause: error })
}

/** Where this machine reaches it. */
export function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo
  const own = address === '::' || address === '0.0.0.0' ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address
  return `${isSecureServer(server) ? 'https' : 'http'}://${own}:${port}`
}
