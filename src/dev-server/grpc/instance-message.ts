import { beatTimesOf } from '../instance.js'
import type { BeatTimes } from '../instance.js'
import { DEFAULT_CLUSTER, WEIGHT_FAULT, beatFault, clusterFault, parseDouble, scalarsOf } from '../naming-params.js'
import type { ServiceId } from '../service.js'
import { ErrorCode, GrpcRefusal, flagOf, messageIn, messagesIn, textOf } from './message.js'
import type { Message } from './message.js'
import type { Draft } from './publications.js'

export function namespaceOf(body: Message): string {
  return textOf(body, 'namespace') || 'public'
}

/** The service a request names; refused in Nacos's words where it names none. */
export function serviceOf(body: Message): ServiceId {
  const name = textOf(body, 'serviceName')
  const group = textOf(body, 'groupName')
  const blank = name.trim() === '' ? 'serviceName' : group.trim() === '' ? 'groupName' : undefined
  if (blank) throw new GrpcRefusal(ErrorCode.SERVER_ERROR, `Param '${blank}' is illegal, ${blank} is blank`)
  return { namespace: namespaceOf(body), group, name }
}

interface Rules {
  /** What the request is for; the instance's own word does not count, as in Nacos. */
  readonly ephemeral: boolean
  /** Gives an instance id to one that has none, as 3.x does. */
  readonly named: boolean
  readonly defaults: BeatTimes
}

export function instanceOf(body: Message, rules: Rules): Draft {
  return draftOf(messageIn(body, 'instance') ?? {}, body, rules)
}

export function instancesOf(body: Message, rules: Rules): Draft[] {
  const instances = messagesIn(body, 'instances').map((instance) => draftOf(instance, body, rules))
  if (instances.length > 0) return instances
  throw refused('registerInstance list is empty')
}

function draftOf(instance: Message, body: Message, { ephemeral, named, defaults }: Rules): Draft {
  const ip = textOf(instance, 'ip')
  const port = Number(textOf(instance, 'port'))
  if (ip === '') throw refused("Param 'ip' is required.")
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw refused("Param 'port' is illegal, the value should be between 0 and 65535.")
  }
  const weight = parseDouble(textOf(instance, 'weight') || '1')
  if (weight === undefined || weight < 0 || weight > 10_000) throw refused(WEIGHT_FAULT)
  const metadata = scalarsOf(instance['metadata'] ?? {})
  if (!metadata) throw refused('metadata is no object of texts')
  const cluster = textOf(instance, 'clusterName') || DEFAULT_CLUSTER
  const fault = beatFault(beatTimesOf(metadata, defaults)) ?? clusterFault(cluster)
  if (fault) throw refused(fault)
  const given = textOf(instance, 'instanceId')
  const made = [ip, port, cluster, textOf(instance, 'serviceName') || textOf(body, 'serviceName')].join('#')
  const instanceId = given || (named ? made : undefined)
  return {
    ...{ ip, port, cluster, weight, ephemeral, metadata },
    enabled: flagOf(instance, 'enabled', true),
    healthy: flagOf(instance, 'healthy', true),
    ...(instanceId !== undefined && { instanceId }),
  }
}

function refused(why: string): GrpcRefusal {
  return new GrpcRefusal(ErrorCode.INVALID_PARAM, why)
}
