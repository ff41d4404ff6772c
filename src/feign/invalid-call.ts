import { messageOf, SidecarError } from '../errors.js'

/** For arguments that fit no request. @throws SidecarError `SIDECAR_CALL_INVALID` */
export function throwInvalidCall(why: string): never {
  throw new SidecarError('SIDECAR_CALL_INVALID', `${why}; nothing was sent`)
}

/** What was thrown while arguments were read: a refusal, or a getter, a proxy or an iterator of the caller's that failed. */
export function asInvalidCall(thrown: unknown): SidecarError {
  if (thrown instanceof SidecarError) return thrown
  const why = `an argument cannot be read: ${messageOf(thrown)}; nothing was sent`
  return new SidecarError('SIDECAR_CALL_INVALID', why, { cause: thrown })
}
