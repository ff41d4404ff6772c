import { relaxed, type PropertyPath } from '../properties/path.js'

/** Keys that Spring Cloud Alibaba and its client know and that change nothing here. What is lost by them is nothing. */
const WITHOUT_EFFECT: Readonly<Record<string, readonly string[]>> = {
  // One connection, one listener and one cache here, whatever these are set to; changes arrive by push.
  'cloud.nacos.discovery': [
    'watch-delay',
    'watch.enabled',
    'heart-beat.enabled',
    'naming-load-cache-at-start',
    'naming-push-empty-protection',
    'naming-client-beat-thread-count',
    'naming-polling-thread-count',
    'naming-request-domain-max-retry-count',
    'naming-cache-registry-dir',
    'failure-tolerance-enabled',
    'log-name',
    'is-use-cloud-namespace-parsing',
    'is-use-endpoint-parsing-rule',
  ],
  'cloud.nacos.config': [
    'max-retry',
    'config-long-poll-timeout',
    'config-retry-time',
    'enable-remote-sync-config',
    'import-check.enabled',
    'refresh-behavior',
    'cluster-name',
    'log-name',
    'is-use-cloud-namespace-parsing',
    'is-use-endpoint-parsing-rule',
  ],
}

const KNOWN = new Set(
  Object.entries(WITHOUT_EFFECT).flatMap(([section, keys]) =>
    keys.map((key) => nameOf(`${section}.${key}`.split('.'))),
  ),
)

/** Whether a key of Spring's is known and has nothing to do here. */
export function isWithoutEffect(path: PropertyPath): boolean {
  return KNOWN.has(nameOf(path))
}

function nameOf(path: PropertyPath): string {
  return path.map((part) => relaxed(String(part))).join('.')
}
