/**
 * A way in without a line of code: `node --import nacos-sidecar/register app.js`. Guards nothing (there is no app to
 * stand in front of yet): it registers the process's HTTP server, pulls the configuration and leaves in order.
 */
import { initSidecar } from './process-sidecar.js'

void initSidecar()
