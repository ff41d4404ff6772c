/**
 * True for the words of a server that refuses a compare-and-set, because the document has another MD5 by now: they come
 * with HTTP 200, 400, 409 or 500, as a text, in an envelope, or over gRPC, and differ by server and version.
 */
export function isCasConflictText(words: string): boolean {
  return /(\bcas\b|md5\b).{0,40}(\bfail|\bchanged|mis-?match|not match|n't match|\bconflict|\bdiffer)/is.test(words)
}
