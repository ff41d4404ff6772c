import type { Auth } from './auth.js'
import { Refusal, errorPage, result } from './reply.js'
import type { Call, Routes } from './router.js'
import { tokenReply } from './v1-system.js'

/** State and login of the v3 API, as Nacos 3.0.3 answers; none of them wants a token. */
export function v3System(auth: Auth, port: () => number): Routes {
  return {
    'GET /v3/admin/core/state/liveness': () => result('ok'),
    'GET /v3/admin/core/state/readiness': () => result('ok'),
    'GET /v3/admin/core/state': () =>
      result({
        defaultMaxSize: '102400',
        auth_system_type: 'nacos',
        auth_enabled: String(auth.enabled),
        defaultMaxAggrSize: '1024',
        maxHealthCheckFailCount: '12',
        maxContent: '10485760',
        console_ui_enabled: 'true',
        defaultMaxAggrCount: '10000',
        auth_admin_request: 'false',
        defaultGroupQuota: '200',
        config_retention_days: '30',
        startup_mode: 'standalone',
        isHealthCheck: 'true',
        version: '3.0.3',
        function_mode: null,
        isManageCapacity: 'true',
        isCapacityLimitCheck: 'false',
        datasource_platform: '',
        notifyConnectTimeout: '100',
        server_port: String(port()),
        notifySocketTimeout: '200',
        defaultClusterQuota: '100000',
        plugin_datasource_log_enabled: 'false',
        login_page_enabled: String(auth.enabled),
      }),

    'POST /v3/auth/user/login': (call) => {
      const username = required(call, 'username')
      const outcome = auth.login(username, required(call, 'password'))
      if (typeof outcome === 'object') return tokenReply(auth, outcome.token, username)
      // 3.0.3 fails over a wrong password and forbids an unknown user.
      if (outcome === 'wrong-password') throw new Refusal(errorPage(500, 'No message available', call.path))
      throw new Refusal(errorPage(403, 'Access Denied', call.path))
    },
  }
}

function required({ params, path }: Call, name: string): string {
  const value = params.get(name)
  if (value !== undefined) return value
  throw new Refusal(errorPage(400, `Required parameter '${name}' is not present.`, path))
}
