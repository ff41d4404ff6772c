import type { ServiceSnapshot } from './snapshot.js'

/** The text of `SIDECAR_NO_INSTANCE`: what was looked for, what the registry answered, and what to check. */
export function noInstanceMessage({ key, all }: ServiceSnapshot): string {
  const namespace = key.namespace === '' ? 'public' : key.namespace
  const where = `service "${key.service}" in group ${key.group}, namespace ${namespace}`
  if (all.length === 0) {
    return `No instance of ${where}: the registry lists none. Check that the provider runs and registers under exactly this name, group and namespace.`
  }
  const count = (what: string, n: number) => (n > 0 ? [`${n} ${what}`] : [])
  const why = [
    ...count('unhealthy', all.filter((i) => !i.healthy).length),
    ...count('disabled', all.filter((i) => !i.enabled).length),
    ...count('with weight 0', all.filter((i) => !(i.weight > 0)).length),
  ]
  const reason = why.length > 0 ? why.join(', ') : 'none has a usable address'
  return `No usable instance of ${where}: of ${all.length} listed, ${reason}. Check the provider's health and heartbeat, and the console for a disabled or zero-weight instance.`
}
