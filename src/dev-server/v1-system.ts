import type { Auth } from './auth.js'
import { Refusal, caused, json, text } from './reply.js'
import type { Handler, Routes } from './router.js'
import { requestParam } from './v1-params.js'

/** Health, state and login of the v1 API, as Nacos 2.2.4 answers; none of them wants a token. */
export function v1System(auth: Auth): Routes {
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
    'POST /v1/auth/login': login(auth),
    'POST /v1/auth/users/login': login(auth),
  }
}

/** Spring Boot's own health page, the same in every version. */
export const actuator: Routes = {
  'GET /actuator/health': () => json({ status: 'UP' }, 200, 'application/vnd.spring-boot.actuator.v3+json'),
}

function login(auth: Auth): Handler {
  return (call) => {
    const username = requestParam(call.params, 'username')
    const outcome = auth.login(username, requestParam(call.params, 'password'))
    if (typeof outcome === 'object') return tokenReply(auth, outcome.token, username)
    // With auth off there are no users; `nacos` gets what a server gives that has the user and no use for a login.
    const refused = outcome === 'wrong-password' || username === '' || (!auth.enabled && username === 'nacos')
    throw new Refusal(refused ? text('user not found!', 403) : caused(500, username))
  }
}

/** What a login answers, in v1 and v3. */
export function tokenReply(auth: Auth, token: string, username: string) {
  const body = { accessToken: token, tokenTtl: auth.tokenTtlSeconds, globalAdmin: true, username }
  return { ...json(body), headers: { Authorization: `Bearer ${token}` } }
}
