import type { CallAuthService, Verify } from '../auth/verifier.js'
import type { Recorder } from './recorder.js'
import { recorded } from './recorded.js'

/** Checks of tokens that ask the auth service or the app's own function; what is known needs none. */
const NAME = 'verify'

/** The same request to the auth service with figures: a 5xx is a failure, a refusal is none. */
export function observeCall(call: CallAuthService, recorder: Recorder): CallAuthService {
  return (request) =>
    recorded(
      recorder,
      'auth',
      NAME,
      () => call(request),
      ({ status }) => (status >= 500 ? `HTTP ${status}` : undefined),
    )
}

/** The same function with figures: one that throws has failed, `false` is an answer. */
export function observeVerify(verify: Verify, recorder: Recorder): Verify {
  return (token, request) => recorded(recorder, 'auth', NAME, async () => verify(token, request))
}
