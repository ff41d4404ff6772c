/**
 * PM2, fork mode: processes with a port each, and each is an instance in the registry. A process that reloads is away for
 * as long as it takes to start, so callers need the others: sidecars and Spring have them from the registry, and nginx
 * from its list (../nginx).
 *
 *   pm2 start fork.config.cjs
 *   pm2 reload orders --parallel 1     # one after the other; without it, two at a time
 */
module.exports = {
  apps: [
    {
      name: 'orders',
      script: 'dist/main.js',
      exec_mode: 'fork',
      instances: 3,
      // 9202, 9203, 9204.
      env: { NODE_ENV: 'production', PORT: 9202 },
      increment_var: 'PORT',

      // As in cluster mode.
      wait_ready: true,
      listen_timeout: 30_000,
      kill_timeout: 60_000,
      exp_backoff_restart_delay: 500,
    },
  ],
}
