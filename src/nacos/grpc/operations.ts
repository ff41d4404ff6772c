import { createHash } from 'node:crypto'
import { messageOf, SidecarError } from '../../errors.js'
import type { ConfigItem, ConfigKey, Page, ServiceInstance, ServiceKey, ServiceNames } from '../../types.js'
import { isCasConflictText } from '../cas.js'
import { AnswerError, badAnswer, ErrorCode } from './errors.js'
import * as messages from './messages.js'
import type { Message, Request } from './messages.js'

export type Send = (request: Request) => Promise<Message>

/** Every instance the server shows: Nacos leaves disabled ones out here. */
export async function fetchInstances(key: ServiceKey, server: string, send: Send): Promise<ServiceInstance[]> {
  const request = messages.queryService(key)
  const answer = await send(request)
  try {
    return messages.instancesOf(key, messages.parseServiceInfo(answer['serviceInfo']).hosts)
  } catch (error) {
    throw badAnswer(request.label, server, messageOf(error))
  }
}

export async function fetchServiceNames(page: Page, server: string, send: Send): Promise<ServiceNames> {
  const request = messages.listServices(page)
  const { count, serviceNames } = await send(request)
  if (!Array.isArray(serviceNames)) throw badAnswer(request.label, server, 'serviceNames is not a list')
  const names = serviceNames.filter((name): name is string => typeof name === 'string')
  return { count: typeof count === 'number' ? count : names.length, names }
}

/** `undefined` only if the server itself has no such document. */
export async function fetchConfig(key: ConfigKey, server: string, send: Send): Promise<ConfigItem | undefined> {
  const request = messages.queryConfig(key)
  let answer: Message
  try {
    answer = await send(request)
  } catch (error) {
    if (error instanceof AnswerError && error.errorCode === ErrorCode.CONFIG_NOT_FOUND) return undefined
    throw error
  }
  const { content } = answer
  if (typeof content !== 'string') throw badAnswer(request.label, server, 'content is not a text')
  return {
    namespace: key.namespace,
    group: key.group,
    dataId: key.dataId,
    content,
    type: messages.textOr(answer['contentType'], undefined),
    md5: messages.textOr(answer['md5'], undefined) ?? createHash('md5').update(content, 'utf8').digest('hex'),
  }
}

/**
 * `false` where the document no longer has `casMd5`. Servers older than ability negotiation, and r-nacos, take the
 * MD5 and overwrite all the same: there it is an error, before anything is sent.
 */
export async function storeConfig(
  item: Omit<ConfigItem, 'md5'>,
  casMd5: string | undefined,
  server: string,
  honoursCas: boolean,
  send: Send,
): Promise<boolean> {
  const request = messages.publishConfig(item, casMd5)
  if (casMd5 !== undefined && !honoursCas) {
    throw new SidecarError(
      'SIDECAR_REGISTRY_UNSUPPORTED',
      `${request.label} on Nacos ${server} (gRPC): this server ignores casMd5 and would overwrite; publish without it, or use Nacos 2.5 or 3.x`,
    )
  }
  try {
    await send(request)
    return true
  } catch (error) {
    // The only refusal that has no number of its own.
    if (casMd5 !== undefined && error instanceof AnswerError && isCasConflictText(error.message)) return false
    throw error
  }
}

export async function deleteConfig(key: ConfigKey, send: Send): Promise<boolean> {
  await send(messages.removeConfigRequest(key))
  return true
}
