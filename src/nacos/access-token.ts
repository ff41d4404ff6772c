/** The token of a login, shared by HTTP and gRPC to the same registry. Nothing here rejects. */
export interface AccessTokenSource {
  /** The token to send, or `undefined` to go without. */
  token(): Promise<string | undefined>
  /** After a 403 to a request that carried `used`: another one to try with, or `undefined` where there is none. */
  renew(used: string | undefined): Promise<string | undefined>
  /** The renewed token was refused as well. */
  onRenewedTokenRejected(): void
}
