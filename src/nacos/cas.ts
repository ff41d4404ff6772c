/**
 * True for the words of a server that refuses a compare-and-set, because the document has another MD5 by now: they come
 * with HTTP 200, 409 or 500, as a text, in an envelope, or over gRPC.
 */
export function isCasRefusal(words: string): boolean {
  return /\bcas\b.{0,40}\bfail|server md5 may have changed/is.test(words)
}
