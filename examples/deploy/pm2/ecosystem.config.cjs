/**
 * PM2, cluster mode: several processes behind one port, which are one instance in the registry.
 *
 *   pm2 start ecosystem.config.cjs
 *   pm2 reload orders          # a new worker takes requests before the old one stops: no call fails
 */
module.exports = {
  apps: [
    {
      name: 'orders',
      script: 'dist/main.js',
      exec_mode: 'cluster',
      // The number of cores. Not twice as many: a worker of Node waits for no thread.
      instances: 'max',
      env: { NODE_ENV: 'production', PORT: 9202 },

      // The sidecar tells PM2 that the worker is ready: it listens and is registered.
      wait_ready: true,
      listen_timeout: 30_000,
      // PM2 stops a process by SIGINT. With a kill_timeout the sidecar takes that as an orderly stop: deregistration 3 s +
      // drain 40 s at most + requests in flight 9 s + stop hooks. Without one, PM2 kills after 1.6 s, and there is no drain.
      kill_timeout: 60_000,
      // A start that failed is not tried again at once.
      exp_backoff_restart_delay: 500,
    },
  ],
}
