import type { Auth } from './auth.js'
import { errorPage, result } from './reply.js'
import type { Routes } from './router.js'
import { login } from './v1-system.js'

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

    // 3.0.3 fails over a wrong password and forbids an unknown user.
    'POST /v3/auth/user/login': login(auth, (why, { path }) =>
      why === 'wrong-password' ? errorPage(500, 'No message available', path) : errorPage(403, 'Access Denied', path),
    ),
  }
}
