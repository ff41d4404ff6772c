/** A request as a dialect writes it: no server, no credentials, no context path. */
export interface WireRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the context path: `/v1/ns/instance`. */
  readonly path: string
  /** The path stands at the root of the server, not below the context path. */
  readonly root?: boolean
  readonly query?: Params
  /** The body: Nacos reads forms only. */
  readonly form?: Params
  readonly headers?: Readonly<Record<string, string>>
}

/** `undefined` leaves a parameter out. */
export type Params = Readonly<Record<string, string | number | boolean | undefined>>

/** An answer as a dialect reads it. */
export interface WireResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Decoded as UTF-8; a byte order mark is kept, for it is part of a document's MD5. */
  readonly body: string
}

/** `a=1&b=%20`: a space is `%20`, which a query and a form both understand. */
export function encodeParams(params: Params): string {
  const pairs: string[] = []
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  }
  return pairs.join('&')
}
