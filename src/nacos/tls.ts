import { readFileSync } from 'node:fs'
import { SidecarError } from '../errors.js'
import type { ConnectionTls } from '../settings/connection.js'
import type { PlainTls } from './transport.js'

/**
 * Reads the PEM files into options of Node's TLS. Certificates are always verified: the explicit `true` also overrules
 * NODE_TLS_REJECT_UNAUTHORIZED.
 *
 * @throws SidecarError `SIDECAR_SETTINGS_UNREADABLE` with the key and the path
 */
export function tlsOptions(tls: ConnectionTls): PlainTls {
  const ca = read('ca-file', tls.caFile)
  const cert = read('cert-file', tls.certFile)
  const key = read('key-file', tls.keyFile)
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? 'cert-file' : 'key-file'
    throw new SidecarError(
      'SIDECAR_SETTINGS_INVALID',
      `cloud.nacos.tls.${missing} is missing: a client certificate needs both cert-file and key-file`,
    )
  }
  return {
    rejectUnauthorized: true,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(tls.keyPassphrase !== undefined && { passphrase: tls.keyPassphrase }),
    ...(tls.serverName && { servername: tls.serverName }),
  }
}

function read(key: string, path: string | undefined): string | undefined {
  if (!path) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new SidecarError(
      'SIDECAR_SETTINGS_UNREADABLE',
      `cloud.nacos.tls.${key}: cannot read ${path} (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`,
      { cause: error },
    )
  }
}
