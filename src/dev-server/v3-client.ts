import { beatTimesOf } from './instance.js'
import type { BeatTimes, Published } from './instance.js'
import type { ConfigStore } from './config-store.js'
import type { Naming } from './naming.js'
import {
  DEFAULT_CLUSTER,
  WEIGHT_FAULT,
  beatFault,
  clusterFault,
  filled,
  parseDouble,
  parseFlag,
  parseInteger,
  parseMetadata,
} from './naming-params.js'
import { serviceJson } from './naming-view.js'
import { Refusal, caused, errorPage, result } from './reply.js'
import type { Call, Routes } from './router.js'
import { ServiceKindError } from './service.js'
import { required, serviceOf, tenantOf } from './v3-params.js'

/** /nacos/v3/client…, as Nacos 3.0.3 answers. */
export function v3Client(naming: Naming, store: ConfigStore, defaults: BeatTimes): Routes {
  return {
    'POST /v3/client/ns/instance': (call) => {
      const id = serviceOf(call.params)
      const { ip, port } = addressOf(call)
      if (parseFlag(call.params.get('heartBeat'), false)) {
        return naming.beat(id, ip, port) ? result('ok') : result(null, 21_003, 'instance not found')
      }
      try {
        naming.register(id, instanceOf(call, ip, port, defaults))
      } catch (error) {
        if (error instanceof ServiceKindError) throw instanceRefusal(`errCode: 400, errMsg: ${error.message}`)
        throw error
      }
      if (!parseFlag(call.params.get('healthy'), true)) naming.setHealthy(id, ip, port, false)
      return result('ok')
    },

    'DELETE /v3/client/ns/instance': (call) => {
      const { ip, port } = addressOf(call)
      naming.deregister(serviceOf(call.params), ip, port, parseFlag(call.params.get('ephemeral'), true))
      return result('ok')
    },

    // Healthy or not: v3 ignores healthyOnly.
    'GET /v3/client/ns/instance/list': ({ params }) => {
      const filter = { clusters: filled(params, 'clusterName') ?? '', healthyOnly: false }
      return result(serviceJson(naming, serviceOf(params), filter, defaults)['hosts'])
    },

    'GET /v3/client/cs/config': ({ params }) => {
      const config = store.get({
        dataId: present(params.get('dataId'), 'dataId'),
        group: present(params.get('groupName'), 'groupName'),
        tenant: tenantOf(params),
      })
      if (!config) return result(null, 20_004, 'resource not found')
      return result({
        resultCode: 200,
        errorCode: 0,
        message: null,
        requestId: null,
        content: config.content,
        encryptedDataKey: config.encryptedDataKey,
        contentType: config.type,
        md5: config.md5,
        lastModified: config.modifiedMs,
        tag: null,
        beta: false,
        success: true,
      })
    },
  }
}

/** The client config API alone refuses a missing parameter in plain text. */
function present(value: string | undefined, name: string): string {
  if (value) return value
  throw new Refusal(caused(400, `Required parameter '${name}' type String is not present`))
}

export function addressOf({ params }: Call): { ip: string; port: number } {
  const ip = required(params, 'ip')
  const port = parseInteger(required(params, 'port', 'Integer'))
  if (port === undefined || port < 0 || port > 65_535) {
    // The one answer without a content type.
    throw new Refusal({ status: 400, body: "Param 'port' is illegal, the value should be between 0 and 65535.\r\n" })
  }
  return { ip, port }
}

export function metadataOf({ params, path }: Call): Record<string, string> {
  const raw = params.get('metadata')
  const metadata = parseMetadata(raw)
  if (!metadata) throw new Refusal(errorPage(500, `ErrCode:400, ErrMsg:metadata format incorrect:${raw}`, path))
  return metadata
}

export function weightOf({ params }: Call): number {
  const weight = parseDouble(filled(params, 'weight') ?? '1')
  if (weight === undefined || weight < 0 || weight > 10_000)
    throw new Refusal(result(WEIGHT_FAULT, 21_001, 'weight error', 400))
  return weight
}

function instanceOf(call: Call, ip: string, port: number, defaults: BeatTimes): Published {
  const { params } = call
  const weight = weightOf(call)
  const metadata = metadataOf(call)
  const cluster = filled(params, 'clusterName') ?? DEFAULT_CLUSTER
  const fault = beatFault(beatTimesOf(metadata, defaults)) ?? clusterFault(cluster)
  if (fault) throw instanceRefusal(fault)
  const enabled = parseFlag(params.get('enabled'), true)
  return { ip, port, cluster, weight, enabled, ephemeral: parseFlag(params.get('ephemeral'), true), metadata }
}

function instanceRefusal(why: string): Refusal {
  return new Refusal(result(why, 21_004, 'instance error', 400))
}
