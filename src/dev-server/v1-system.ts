import type { Auth } from './auth.js'
import type { Generation } from './naming-view.js'
import { Refusal, caused, errorPage, json, text, tooMany } from './reply.js'
import type { Reply } from './reply.js'
import type { Call, Handler, Routes } from './router.js'
import { requestParam } from './v1-params.js'

/** Health, state and login of the v1 API; none of them wants a token. */
export function v1System(auth: Auth, generation: Generation): Routes {
  const handler = generation === 3 ? loginOf3(auth) : loginOf2(auth)
  return {
    'GET /v1/ns/operator/metrics': () => json({ status: 'UP' }),
    'GET /v1/console/health/liveness': () => text('OK'),
    'GET /v1/console/health/readiness': () => text('OK'),
    'GET /v1/console/server/state': () =>
      json({
        auth_enabled: String(auth.enabled),
        auth_system_type: 'nacos',
        function_mode: null,
        login_page_enabled: String(auth.enabled),
        standalone_mode: 'standalone',
        version: '2.2.4',
      }),
    'POST /v1/auth/login': handler,
    'POST /v1/auth/users/login': handler,
  }
}

/** Spring Boot's own health page, the same in every version. */
export const actuator: Routes = {
  'GET /actuator/health': () => json({ status: 'UP' }, 200, 'application/vnd.spring-boot.actuator.v3+json'),
}

/** 3.x hides whatever fails behind one page. */
function loginOf3(auth: Auth): Handler {
  return login(auth, (_why, { path }) =>
    errorPage(500, 'Handle API Compatibility failed, please see log for detail.', path),
  )
}

function loginOf2(auth: Auth): Handler {
  return login(auth, (why, { params }) => {
    const username = params.get('username') ?? ''
    // With auth off there are no users; `nacos` gets what a server gives that has the user and no use for a login.
    const known = why === 'wrong-password' || username === '' || (!auth.enabled && username === 'nacos')
    return known ? text('user not found!', 403) : caused(500, username)
  })
}

/** @param refuse the answer to a login that fails. */
export function login(auth: Auth, refuse: (why: 'wrong-password' | 'unknown-user', call: Call) => Reply): Handler {
  return (call) => {
    const username = requestParam(call, 'username')
    const outcome = auth.login(username, requestParam(call, 'password'), call.remote)
    if (typeof outcome === 'string') throw new Refusal(refuse(outcome, call))
    if ('waitMs' in outcome) throw tooMany(outcome.waitMs, call.path)
    const body = { accessToken: outcome.token, tokenTtl: auth.tokenTtlSeconds, globalAdmin: true, username }
    return { ...json(body), headers: { Authorization: `Bearer ${outcome.token}` } }
  }
}
