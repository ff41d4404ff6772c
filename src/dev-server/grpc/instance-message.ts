import type { BeatTimes } from '../instance.js'
import { DEFAULT_CLUSTER, WEIGHT_FAULT, instanceFault, parseDouble, scalarsOf } from '../naming-params.js'
import type { NamedParams } from '../param-check.js'
import { fullName } from '../service.js'
import type { ServiceId } from '../service.js'
import { ErrorCode, GrpcRefusal, flagOf, messageIn, messagesIn, textOf } from './message.js'
import type { Message } from './message.js'
import type { Draft } from './publications.js'

/** Over gRPC the namespace '' is one of its own, as in Nacos; a client that leaves the field out means the public one. */
export function namespaceOf(body: Message): string {
  return body['namespace'] === undefined || body['namespace'] === null ? 'public' : textOf(body, 'namespace')
}

/** What is checked of a request about a service. */
export function serviceNames(body: Message): NamedParams {
  return {
    namespaceId: textOf(body, 'namespace'),
    serviceName: textOf(body, 'serviceName'),
    group: textOf(body, 'groupName'),
    clusters: textOf(body, 'clusters') || textOf(body, 'cluster'),
  }
}

/** What is checked of a request about instances. */
export function instanceNames(body: Message): NamedParams[] {
  const instance = messageIn(body, 'instance')
  const instances = [...(instance ? [instance] : []), ...messagesIn(body, 'instances')]
  return [
    serviceNames(body),
    ...instances.map((item) => ({
      ip: textOf(item, 'ip'),
      port: textOf(item, 'port'),
      cluster: textOf(item, 'clusterName'),
      metadata: scalarsOf(item['metadata'] ?? {}),
    })),
  ]
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
  const weight = parseDouble(textOf(instance, 'weight') || '1')
  if (weight === undefined) throw refused(WEIGHT_FAULT)
  const metadata = scalarsOf(instance['metadata'] ?? {})
  if (!metadata) throw refused('metadata is no object of texts')
  const cluster = textOf(instance, 'clusterName') || DEFAULT_CLUSTER
  const fault = instanceFault({ weight, cluster, metadata }, defaults)
  if (fault) throw refused(fault)
  const given = textOf(instance, 'instanceId')
  // The instance's own word for its service counts, plain or grouped.
  const made = [ip, port, cluster, textOf(instance, 'serviceName') || fullName(serviceOf(body))].join('#')
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
