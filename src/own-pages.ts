import { hasOwnPort, type Actuator, type Side } from './actuator/actuator.js'
import type { AppHooks } from './adapters/adapter.js'
import type { Settings } from './settings/schema.js'
import { STATUS_PATH } from './status-page/path.js'
import type { StatusPage } from './status-page/status-page.js'

/** The sidecar's own pages: health, `/actuator` and `/_sidecar`. */
export interface OwnPages {
  /** Those on the app's server. */
  readonly app: AppHooks['page']
  /** Those on the server of `management.server.port`. */
  readonly management: AppHooks['page']
  /** The pattern of what a page answers, for the figures. */
  readonly patternOf: Actuator['patternOf']
}

/** Where there is no `/_sidecar`, no request pays for it; where there is, each pays for one comparison. */
export function ownPages(
  settings: Pick<Settings, 'management' | 'server'>,
  actuator: Actuator,
  status: StatusPage | undefined,
): OwnPages {
  const pages = (side: Side): AppHooks['page'] => {
    const others: AppHooks['page'] = (request, response, target) => actuator.page(side, request, response, target)
    if (status === undefined || settings.management.server.port === -1) return others
    if (side === 'app' && hasOwnPort(settings)) return others
    return (request, response, target) =>
      (target.startsWith(STATUS_PATH) ? status.page(request, response, target) : undefined) ??
      others(request, response, target)
  }
  return {
    app: pages('app'),
    management: pages('management'),
    patternOf: (method, target) => actuator.patternOf(method, target) ?? status?.patternOf(method, target),
  }
}
