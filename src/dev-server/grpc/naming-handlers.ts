import type { BeatTimes } from '../instance.js'
import type { Naming } from '../naming.js'
import { ServiceKindError } from '../service.js'
import { pageOf } from '../page.js'
import type { GrpcHandlers } from './handlers.js'
import { instanceNames, instanceOf, instancesOf, namespaceOf, serviceNames, serviceOf } from './instance-message.js'
import { ErrorCode, GrpcRefusal, flagOf, success, textOf } from './message.js'
import type { Publications } from './publications.js'
import type { Generation } from '../naming-view.js'
import type { ServiceInfos } from './service-info.js'
import type { Subscriptions } from './subscriptions.js'

export interface NamingHandlersOptions {
  readonly naming: Naming
  readonly infos: ServiceInfos
  readonly subscriptions: Subscriptions
  readonly publications: Publications
  readonly defaults: BeatTimes
  readonly generation: Generation
}

/** Instances and services, as Nacos answers them over gRPC. */
export function namingHandlers(options: NamingHandlersOptions): GrpcHandlers {
  const { naming, infos, subscriptions, publications, defaults, generation } = options
  const named = generation === 3

  return {
    SubscribeServiceRequest: {
      answers: 'SubscribeServiceResponse',
      named: (body) => [serviceNames(body)],
      handle({ body, connection }) {
        const id = serviceOf(body)
        const clusters = textOf(body, 'clusters')
        if (flagOf(body, 'subscribe', true)) {
          return success({ message: 'success', serviceInfo: subscriptions.subscribe(connection, id, clusters) })
        }
        subscriptions.unsubscribe(connection, id)
        return success({ message: 'success', serviceInfo: infos(id, { clusters, healthyOnly: false }).info })
      },
    },

    ServiceQueryRequest: {
      answers: 'QueryServiceResponse',
      named: (body) => [serviceNames(body)],
      handle({ body }) {
        const filter = { clusters: textOf(body, 'cluster'), healthyOnly: flagOf(body, 'healthyOnly', false) }
        return success({ serviceInfo: infos(serviceOf(body), filter).info })
      },
    },

    ServiceListRequest: {
      answers: 'ServiceListResponse',
      named: (body) => [serviceNames(body)],
      handle({ body }) {
        const group = textOf(body, 'groupName') || undefined
        const names = naming.services(namespaceOf(body), group).map(({ name }) => name)
        const serviceNames = pageOf(names, textOf(body, 'pageNo'), textOf(body, 'pageSize'))
        return success({ count: names.length, serviceNames })
      },
    },

    InstanceRequest: {
      answers: 'InstanceResponse',
      named: instanceNames,
      handle({ body, connection }) {
        const id = serviceOf(body)
        const type = textOf(body, 'type')
        if (type === 'registerInstance') {
          const instance = instanceOf(body, { ephemeral: true, named, defaults })
          fitting(() => publications.publish(connection, id, [instance]))
        } else if (type === 'deregisterInstance') {
          publications.withdraw(connection, id)
        } else {
          throw unsupported(type)
        }
        return success({ type })
      },
    },

    BatchInstanceRequest: {
      answers: 'BatchInstanceResponse',
      named: instanceNames,
      handle({ body, connection }) {
        const id = serviceOf(body)
        const type = textOf(body, 'type')
        if (type !== 'batchRegisterInstance') throw unsupported(type)
        const instances = instancesOf(body, { ephemeral: true, named, defaults })
        fitting(() => publications.publish(connection, id, instances))
        return success({ type })
      },
    },

    // A persistent instance has no owner: it outlives the connection.
    PersistentInstanceRequest: {
      answers: 'InstanceResponse',
      named: instanceNames,
      handle({ body }) {
        const id = serviceOf(body)
        const type = textOf(body, 'type')
        const { healthy, ...instance } = instanceOf(body, { ephemeral: false, named, defaults })
        if (type === 'registerInstance') {
          fitting(() => naming.register(id, instance))
          if (!healthy) naming.setHealthy(id, instance.ip, instance.port, false)
        } else if (type === 'deregisterInstance') {
          naming.deregister(id, instance.ip, instance.port, false)
        } else {
          throw unsupported(type)
        }
        return success({ type })
      },
    },
  }
}

function fitting(register: () => void): void {
  try {
    register()
  } catch (error) {
    if (!(error instanceof ServiceKindError)) throw error
    throw new GrpcRefusal(ErrorCode.INVALID_PARAM, `errCode: ${ErrorCode.INVALID_PARAM}, errMsg: ${error.message}`)
  }
}

function unsupported(type: string): GrpcRefusal {
  return new GrpcRefusal(ErrorCode.INVALID_PARAM, `Unsupported request type ${type}`)
}
