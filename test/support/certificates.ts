import { generate } from 'selfsigned'

/** A certificate authority of the test, and what it has signed for 127.0.0.1. */
export interface Authority {
  /** PEM */
  readonly cert: string
  /** @param overrides another host, another time, or a certificate for a client */
  issue(overrides?: IssueOptions): Promise<{ cert: string; key: string }>
}

export interface IssueOptions {
  readonly ip?: string
  readonly dns?: string
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly client?: boolean
}

const COMMON = { keyType: 'ec', algorithm: 'sha256' } as const

export async function createAuthority(name = 'Test Authority'): Promise<Authority> {
  const own = await generate([{ name: 'commonName', value: name }], {
    ...COMMON,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
    ],
  })
  return {
    cert: own.cert,
    async issue({ ip, dns, notBefore, notAfter, client = false }: IssueOptions = {}) {
      const named =
        dns === undefined ? [{ type: 7 as const, ip: ip ?? '127.0.0.1' }] : [{ type: 2 as const, value: dns }]
      const issued = await generate([{ name: 'commonName', value: client ? 'orders' : (dns ?? 'registry') }], {
        ...COMMON,
        ca: { key: own.private, cert: own.cert },
        ...(notBefore && { notBeforeDate: notBefore }),
        ...(notAfter && { notAfterDate: notAfter }),
        extensions: [
          { name: 'basicConstraints', cA: false },
          { name: 'keyUsage', digitalSignature: true },
          { name: 'extKeyUsage', serverAuth: !client, clientAuth: client },
          { name: 'subjectAltName', altNames: named },
        ],
      })
      return { cert: issued.cert, key: issued.private }
    },
  }
}
