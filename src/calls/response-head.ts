/** Responses that end with their head, whatever their headers say of a body. */
export function hasNoBody(status: number): boolean {
  return status === 204 || status === 304 || status === 205
}

/** After a response without a body: whether bytes may follow all the same, so that its connection cannot be used again. */
export function bytesMayFollow(status: number, contentLength: unknown, chunked: boolean): boolean {
  // A 205 without a length goes on until the connection ends.
  return chunked || (contentLength === undefined ? status === 205 : Number(contentLength) !== 0)
}
