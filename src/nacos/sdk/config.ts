import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ConfigItem, ConfigKey } from '../../types.js'
import { configItem } from '../http/dialects/parse-response.js'
import { RequestFailure } from '../http/failure.js'
import type { SdkConfigClient, SdkNamingClient } from './clients.js'
import { mayConcern } from './failure.js'

export interface SdkConfig {
  get(key: ConfigKey): Promise<ConfigItem | undefined>
  publish(item: Omit<ConfigItem, 'md5'>): Promise<boolean>
  remove(key: ConfigKey): Promise<boolean>
}

/** An error event follows the answer by two turns of the event loop; the cluster wrapper adds none. */
const EVENT_TURNS = 4

/** Documents through the user's config client. Throws the SDK's errors and `RequestFailure`. */
export function createSdkConfig(client: SdkConfigClient, naming: Pick<SdkNamingClient, 'getServerStatus'>): SdkConfig {
  let asking: Promise<string> | undefined

  /**
   * To the SDK any HTTP 404 is "no such document", and a success where it writes: so is every answer of a server
   * without the v1 API (Nacos 3.2), or of something that is no Nacos.
   */
  async function confirmApi(doubt: string): Promise<void> {
    asking ??= Promise.resolve(naming.getServerStatus()).finally(() => (asking = undefined))
    if ((await asking) === 'UP') return
    throw new RequestFailure('no-route', `${doubt}, and GET /nacos/v1/ns/operator/metrics does not say UP`)
  }

  async function own<T>(work: () => Promise<T>): Promise<T> {
    await client.ready?.()
    // Its leader may belong to another Nacos (it is found by a name that is the same for all servers), and its failures
    // are not to be seen from here.
    if (client.isClusterClientLeader === false) {
      throw new RequestFailure(
        'no-route',
        'this NacosConfigClient speaks through another process of the machine, maybe to another registry; `new DataClient(…)` of the same package speaks itself',
      )
    }
    return work()
  }

  return {
    get: (key) =>
      own(async () => {
        const { dataId, group } = key
        const hidden: unknown[] = []
        const hear = (error: unknown) => void (mayConcern(error, dataId, group) && hidden.push(error))
        client.on?.('error', hear)
        try {
          const content = await client.getConfig(dataId, group)
          for (let turn = 0; turn < EVENT_TURNS; turn++) await nextTurn()
          if (hidden.length > 0) throw hidden[0]
          if (content !== null && content !== undefined) return configItem(key, content, undefined)
        } finally {
          client.removeListener?.('error', hear)
        }
        await confirmApi('the document is absent or the API is')
        return undefined
      }),

    publish: ({ dataId, group, content, type }) =>
      own(async () => {
        await client.publishSingle(dataId, group, content, type === undefined ? {} : { type })
        await confirmApi('the document was stored or the API is absent')
        return true
      }),

    remove: ({ dataId, group }) =>
      own(async () => {
        await client.remove(dataId, group)
        await confirmApi('the document was removed or the API is absent')
        return true
      }),
  }
}
