/**
 * The header by which an instance that drains sends the clients of sidecars elsewhere, before the registry does and where
 * it cannot. Other clients have `Connection: close`, which keeps nobody from coming again.
 */
export const LEAVING_HEADER = 'x-sidecar-leaving'
