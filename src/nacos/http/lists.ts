import { serviceKeyText } from '../../instance.js'
import type { Logger } from '../../logger.js'
import type { ServiceInstance, ServiceKey } from '../../types.js'
import type { Dialect } from './dialects/dialect.js'
import { v1 } from './dialects/v1.js'
import { RequestFailure } from './failure.js'
import type { WithDialect } from './with-dialect.js'

/** A list that holds every cluster, had in another way than over HTTP; `undefined` where there is none at the moment. */
export type WholeList = () => Promise<ServiceInstance[] | undefined>

/** Lists of instances from a registry of which some APIs list by cluster. */
export interface Lists {
  /**
   * Every instance that can be learnt of. v1 lists all clusters. v3 lists DEFAULT unless asked for others (Nacos 3.0 to
   * 3.2), and names no cluster of a service: there `whole` is asked, and else the clusters known here.
   *
   * @throws SidecarError where nothing was found, and clusters that were not asked for may hold instances
   */
  list(key: ServiceKey, signal?: AbortSignal, whole?: WholeList): Promise<ServiceInstance[]>
  /** Instances are known to be in these clusters. */
  recordClusters(instances: readonly Pick<ServiceInstance, 'cluster'>[]): void
  /** The clusters asked for, while lists may not be whole. */
  readonly partial: readonly string[] | undefined
  /** The registry may be another one by now. */
  reset(): void
}

export interface ListsOptions {
  readonly withDialect: WithDialect
  /** Our own cluster, and those the settings name. */
  readonly clusters: readonly string[]
  /** The settings name every cluster: then an empty list counts. */
  readonly named: boolean
  readonly server: () => string
  readonly logger: Logger
  readonly failed: (what: string, error: RequestFailure) => Error
}

const DEFAULT = 'DEFAULT'
/** So many fit in a URL; a mesh has a handful. */
const MOST_CLUSTERS = 50

export function createLists(options: ListsOptions): Lists {
  const { withDialect, named, server, logger, failed } = options
  const known = new Set([DEFAULT, ...options.clusters])
  /** v3 has listed a cluster that it was not asked for: Nacos from 2026-03 on. */
  let unasked = false
  let byCluster = false
  let warned = false

  function recordClusters(instances: readonly Pick<ServiceInstance, 'cluster'>[]): void {
    for (const { cluster } of instances) if (known.size < MOST_CLUSTERS) known.add(cluster)
  }

  async function ask(key: ServiceKey, clusters: readonly string[] | undefined, signal: AbortSignal | undefined) {
    let by: Dialect | undefined
    const make = (dialect: Dialect) => {
      const operation = dialect.list(key, clusters)
      return {
        ...operation,
        decode(response: Parameters<typeof operation.decode>[0]) {
          by = dialect
          return operation.decode(response)
        },
      }
    }
    const instances = (await withDialect('list', make, { signal }))!
    recordClusters(instances)
    return { instances, byV1: by === v1 }
  }

  /** What the clusters hold that the first answer left out. */
  async function rest(key: ServiceKey, signal: AbortSignal | undefined): Promise<ServiceInstance[]> {
    const others = [...known].filter((cluster) => cluster !== DEFAULT)
    return others.length === 0 ? [] : (await ask(key, others, signal)).instances
  }

  function warnPartial(): void {
    if (warned) return
    warned = true
    logger.warn(
      `Registry ${server()} lists only the clusters that a request names, over its v3 HTTP API: ${[...known].join(', ')}. ` +
        'To find instances in other clusters, open its gRPC port or name the clusters in cloud.nacos.discovery.watch-clusters',
    )
  }

  return {
    recordClusters,
    async list(key, signal, whole) {
      let elsewhere = byCluster ? await whole?.() : undefined
      if (!elsewhere) {
        const { instances, byV1 } = await ask(key, undefined, signal)
        if (!byV1 && instances.some(({ cluster }) => cluster !== DEFAULT)) unasked = true
        byCluster = !byV1 && !unasked
        if (!byCluster) {
          warned = false
          return instances
        }
        elsewhere = await whole?.()
        if (!elsewhere) {
          warnPartial()
          const all = [...instances, ...(await rest(key, signal))]
          if (all.length > 0 || named) return all
          throw failed(`listing ${serviceKeyText(key)}`, nothingSeen([...known]))
        }
      }
      recordClusters(elsewhere)
      return elsewhere
    },
    get partial() {
      return byCluster ? [...known] : undefined
    },
    reset() {
      unasked = byCluster = false
    },
  }
}

function nothingSeen(clusters: readonly string[]): RequestFailure {
  const which = clusters.length === 1 ? `cluster ${clusters[0]}` : `the clusters ${clusters.join(', ')}`
  return new RequestFailure(
    'partial',
    `there is no instance in ${which}, and the v3 HTTP API does not say whether there are some in others`,
  )
}
