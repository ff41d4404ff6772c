import type { ConfigId, ConfigStore } from './config-store.js'
import { filled } from './naming-params.js'
import { Refusal, result, type Reply } from './reply.js'
import type { Call } from './router.js'
import { required } from './v3-params.js'

/** Publishes what a request of the v2 or of the v3 admin API says of a document: both answer alike. */
export function publishConfig(store: ConfigStore, id: ConfigId, { params, header, remote }: Call): Reply {
  const draft = {
    ...id,
    content: required(params, 'content'),
    type: filled(params, 'type'),
    appName: filled(params, 'appName'),
    description: filled(params, 'desc'),
    tags: filled(params, 'configTags'),
    encryptedDataKey: filled(params, 'encryptedDataKey'),
    sourceIp: remote,
  }
  if (store.publish(draft, header('casmd5'))) return result(true)
  throw new Refusal(result('Cas publish fail, server md5 may have changed.', 20_005, 'resource conflict', 500))
}
