/** What is wrong with a document and where; the caller decides which error code that is. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError'

  constructor(
    readonly document: string,
    readonly reason: string,
    readonly line?: number,
    readonly column?: number,
  ) {
    super(`${locate(document, line, column)}: ${reason}`)
  }
}

/** `bootstrap.yml:12:3` */
export function locate(document: string, line?: number, column?: number): string {
  if (line === undefined) return document
  return column === undefined ? `${document}:${line}` : `${document}:${line}:${column}`
}
