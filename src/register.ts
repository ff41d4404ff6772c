/**
 * A way in without a line of code: `node --import nacos-sidecar/register app.js`. It registers the process's HTTP
 * server, pulls the configuration and leaves in order; with `auth.enabled` the guard stands in front of that server.
 */
import { initSidecar } from './process-sidecar.js'

void initSidecar()
