import { SidecarError } from '../errors.js'

/** For arguments that fit no request. @throws SidecarError `SIDECAR_CALL_INVALID` */
export function refuseCall(why: string): never {
  throw new SidecarError('SIDECAR_CALL_INVALID', `${why}; nothing was sent`)
}
