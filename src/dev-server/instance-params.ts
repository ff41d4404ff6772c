import type { Params } from './body.js'
import type { BeatTimes, Published } from './instance.js'
import type { Naming } from './naming.js'
import {
  DEFAULT_CLUSTER,
  filled,
  instanceFault,
  parseDouble,
  parseFlag,
  parseMetadata,
  weightFault,
} from './naming-params.js'
import type { Refusal } from './reply.js'
import type { Call } from './router.js'
import { ServiceKindError } from './service.js'
import type { ServiceId } from './service.js'

/** How a version of the API says what it objects to in an instance. */
export interface InstanceWords {
  noNumber(raw: string): Refusal
  weight(fault: string): Refusal
  metadata(fault: string, path: string): Refusal
  instance(fault: string): Refusal
}

/** What both versions read alike and refuse in their own words. */
export interface InstanceParams {
  weightOf(params: Params): number
  metadataOf(call: Call): Record<string, string>
  /** @param address of it, which each version reads in its own way */
  instanceOf(call: Call, address: { ip: string; port: number }, defaults: BeatTimes): Published
  /** Registers, with the answer for an instance that does not fit its service. */
  register(naming: Naming, id: ServiceId, instance: Published): void
}

export function instanceParams(words: InstanceWords): InstanceParams {
  function weightOf(params: Params): number {
    const raw = filled(params, 'weight') ?? '1'
    const weight = parseDouble(raw)
    if (weight === undefined) throw words.noNumber(raw)
    const fault = weightFault(weight)
    if (fault) throw words.weight(fault)
    return weight
  }

  function metadataOf({ params, path }: Call): Record<string, string> {
    const raw = params.get('metadata')
    const metadata = parseMetadata(raw)
    if (!metadata) throw words.metadata(`metadata format incorrect:${raw}`, path)
    return metadata
  }

  return {
    weightOf,
    metadataOf,
    instanceOf(call, { ip, port }, defaults) {
      const { params } = call
      const weight = weightOf(params)
      const metadata = metadataOf(call)
      const cluster = filled(params, 'clusterName') ?? DEFAULT_CLUSTER
      const fault = instanceFault({ weight, cluster, metadata }, defaults)
      if (fault) throw words.instance(fault)
      const enabled = parseFlag(params.get('enabled'), true)
      // Nacos keeps the id of an instance in this entry, and lists it as `instanceId` alone.
      const { customInstanceId: instanceId, ...rest } = metadata
      const ephemeral = parseFlag(params.get('ephemeral'), true)
      return { ip, port, cluster, weight, enabled, ephemeral, metadata: rest, ...(instanceId && { instanceId }) }
    },
    register(naming, id, instance) {
      try {
        naming.register(id, instance)
      } catch (error) {
        if (error instanceof ServiceKindError) throw words.instance(`errCode: 400, errMsg: ${error.message}`)
        throw error
      }
    },
  }
}
