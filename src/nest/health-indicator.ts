import type { Sidecar } from '../sidecar.js'

/** What `HealthCheckService.check` of `@nestjs/terminus` takes. */
export type SidecarHealth<Key extends string> = Record<
  Key,
  {
    readonly status: 'up' | 'down'
    /** As in `sidecar.status()`. */
    readonly phase: string
    readonly registered: boolean
    /** Those of `sidecar.provide` that are DOWN. */
    readonly resources?: readonly string[]
  }
>

/** When the service counts as healthy. */
export interface SidecarHealthOptions {
  /** `true`: down, too, while the instance is not registered. An outage of Nacos then takes the whole fleet down. @default false */
  readonly registered?: boolean
}

/**
 * An indicator for `@nestjs/terminus`: down while the sidecar starts and while it leaves.
 *
 * @example
 * ready() { return this.health.check([() => this.nacos.isHealthy()]) }
 */
export class SidecarHealthIndicator {
  constructor(private readonly sidecar: Pick<Sidecar, 'status'>) {}

  /** @param key its name in the answer */
  isHealthy<const Key extends string = 'nacos'>(
    key: Key = 'nacos' as Key,
    options: SidecarHealthOptions = {},
  ): SidecarHealth<Key> {
    const { phase, registered, resources } = this.sidecar.status()
    const down = resources.filter(({ status }) => status === 'DOWN').map(({ name }) => name)
    const up = phase === 'serving' && (registered || !options.registered)
    return {
      [key]: { status: up ? 'up' : 'down', phase, registered, ...(down.length > 0 && { resources: down }) },
    } as SidecarHealth<Key>
  }
}
