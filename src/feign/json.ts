/** Reads and writes JSON bodies: `JSON` itself, or what keeps integers beyond 2^53 (Java's `long`), as json-bigint does. */
export interface JsonCodec {
  parse(text: string): unknown
  stringify(value: unknown): string | undefined
}
