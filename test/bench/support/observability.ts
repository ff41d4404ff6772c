import { silent } from './package.js'

/** `off` keeps no figures; `all` has on whatever an operator would switch on for good, but for the access log. */
export type Observability = 'off' | 'default' | 'all'

/** Nothing listens there, and nothing is sent: no condition begins. */
const WEBHOOK = 'http://127.0.0.1:9/alerts'

/** Options and settings of a sidecar. With `all`, the API of OpenTelemetry is loaded, without an SDK, as by libraries of an app. */
export async function observability(how: Observability) {
  if (how !== 'all')
    return { options: { logger: silent }, settings: { sidecar: { observe: { enabled: how !== 'off' } } } }
  await import('@opentelemetry/api')
  return {
    // Its own, which writes JSON: the bench reads nothing of it.
    options: {},
    settings: {
      logging: { format: 'json' as const, level: { 'nacos-sidecar': 'warn' as const } },
      management: { endpoints: { web: { exposure: { include: ['health', 'prometheus'] } } } },
      sidecar: {
        observe: { enabled: true },
        alerts: { webhook: WEBHOOK, on: ['registry-lost', 'config-rejected', 'ejected', 'error-rate>5%/1m'] },
      },
    },
  }
}
