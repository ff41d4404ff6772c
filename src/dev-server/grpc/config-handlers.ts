import { tenantOf } from '../config-store.js'
import type { ConfigStore } from '../config-store.js'
import { isBlank } from '../param-check.js'
import type { NamedParams } from '../param-check.js'
import type { ConfigWatches, WatchedConfig } from './config-watches.js'
import type { GrpcHandlers } from './handlers.js'
import { ErrorCode, failure, flagOf, messageIn, messagesIn, success, textOf } from './message.js'
import type { Message } from './message.js'

/** Configs, as Nacos answers them over gRPC; casMd5 is honoured, as by 3.x. */
export function configHandlers(store: ConfigStore, watches: ConfigWatches): GrpcHandlers {
  return {
    ConfigQueryRequest: {
      answers: 'ConfigQueryResponse',
      named: (body) => [namesOf(body)],
      handle({ body }) {
        const config = store.get(configOf(body))
        if (!config) {
          return failure(ErrorCode.CONFIG_NOT_FOUND, 'config data not exist', { lastModified: 0, beta: false })
        }
        return success({
          content: config.content,
          encryptedDataKey: config.encryptedDataKey,
          contentType: config.type,
          md5: config.md5,
          lastModified: config.modifiedMs,
          beta: false,
        })
      },
    },

    ConfigPublishRequest: {
      answers: 'ConfigPublishResponse',
      named: (body) => [namesOf(body)],
      handle({ body, connection }) {
        const id = configOf(body)
        const content = textOf(body, 'content')
        const fault = blankIn(id) ?? (isBlank(content) ? `content is blank : ${content}` : undefined)
        if (fault) return failure(ErrorCode.INVALID_PARAM, fault)
        const more = messageIn(body, 'additionMap') ?? {}
        // A trial release must not reach all clients as if it were a full one.
        if (textOf(more, 'betaIps')) {
          return failure(ErrorCode.UNSUPPORTED, 'beta publishing is not part of the embedded registry')
        }
        const draft = {
          ...id,
          content,
          type: textOf(more, 'type') || undefined,
          appName: textOf(more, 'appName') || undefined,
          description: textOf(more, 'desc') || undefined,
          tags: textOf(more, 'config_tags') || undefined,
          encryptedDataKey: textOf(more, 'encryptedDataKey') || undefined,
          sourceIp: connection.client.ip,
        }
        if (store.publish(draft, textOf(body, 'casMd5') || undefined)) return success()
        return failure(ErrorCode.SERVER_ERROR, 'Cas publish fail, server md5 may have changed.')
      },
    },

    ConfigRemoveRequest: {
      answers: 'ConfigRemoveResponse',
      named: (body) => [namesOf(body)],
      handle({ body }) {
        const id = configOf(body)
        const fault = blankIn(id)
        if (fault) return failure(ErrorCode.INVALID_PARAM, fault)
        store.remove(id)
        return success()
      },
    },

    ConfigBatchListenRequest: {
      answers: 'ConfigChangeBatchListenResponse',
      named: (body) => messagesIn(body, 'configListenContexts').map(namesOf),
      handle({ body, connection }) {
        const contexts = messagesIn(body, 'configListenContexts').map((context) => ({
          config: configOf(context),
          md5: textOf(context, 'md5'),
        }))
        if (!flagOf(body, 'listen', true)) {
          for (const { config } of contexts) watches.unwatch(connection, config)
          return success({ changedConfigs: [] })
        }
        for (const { config } of contexts) watches.watch(connection, config)
        const changedConfigs = contexts
          .filter(({ config, md5 }) => store.md5Of(config) !== md5)
          .map(({ config: { group, dataId, namespace } }) => ({ group, dataId, tenant: namespace }))
        return success({ changedConfigs })
      },
    },
  }
}

function configOf(body: Message): WatchedConfig {
  const namespace = textOf(body, 'tenant')
  return {
    dataId: textOf(body, 'dataId'),
    group: textOf(body, 'group'),
    tenant: tenantOf(namespace),
    namespace,
  }
}

function namesOf(body: Message): NamedParams {
  return { dataId: textOf(body, 'dataId'), group: textOf(body, 'group'), namespaceId: textOf(body, 'tenant') }
}

/** A name that is missing, in Nacos's words. */
function blankIn({ dataId, group }: WatchedConfig): string | undefined {
  if (isBlank(dataId)) return `invalid dataId : ${dataId}`
  return isBlank(group) ? `invalid group : ${group}` : undefined
}
