import { tenantOf } from '../config-store.js'
import type { ConfigId, ConfigStore } from '../config-store.js'
import { instanceFault, weightFault } from '../naming-params.js'
import { plainRecord } from '../instance.js'
import type { BeatTimes } from '../instance.js'
import type { Naming } from '../naming.js'
import { paramFault } from '../param-check.js'
import type { InstanceDetail, ServiceId } from '../service.js'
import { checkDocument } from './check-document.js'

/** Why an action is refused; the console has a sentence for each code. */
export type ActionCode = 'invalid' | 'not-found' | 'conflict' | 'not-empty' | 'published-key'

export class ActionRefusal extends Error {
  constructor(
    readonly code: ActionCode,
    message: string,
  ) {
    super(message)
  }
}

export interface ActionParts {
  readonly naming: Naming
  readonly store: ConfigStore
  readonly defaults: BeatTimes
}

type Body = Readonly<Record<string, unknown>>
export type Action = (body: Body, remote: string) => unknown

/** What a person changes in the console: `POST /_dev/api/<name>` with a JSON object. */
export function consoleActions({ naming, store, defaults }: ActionParts): Readonly<Record<string, Action>> {
  const find = (id: ServiceId, ip: string, port: number): InstanceDetail => {
    const found = naming.details(id).find(({ instance }) => instance.ip === ip && instance.port === port)
    if (!found) throw new ActionRefusal('not-found', 'There is no such instance (any more).')
    return found
  }

  return {
    /** Weight, enabled and metadata of an instance: what is left out stays. */
    instance(body) {
      const id = serviceIn(body)
      const { instance, published } = find(id, textIn(body, 'ip'), numberIn(body, 'port'))
      const weight = body['weight'] === undefined ? undefined : numberIn(body, 'weight')
      const enabled = body['enabled'] === undefined ? undefined : body['enabled'] === true
      const metadata = body['metadata'] === undefined ? undefined : metadataIn(body, published.metadata)
      const fault =
        (weight !== undefined && weightFault(weight)) ||
        (metadata && instanceFault({ weight: 1, cluster: instance.cluster, metadata }, defaults)) ||
        (metadata && paramFault({ metadata }))
      if (fault) throw new ActionRefusal('invalid', fault)
      const merged = {
        weight: weight ?? instance.weight,
        enabled: enabled ?? instance.enabled,
        metadata: differing(metadata ?? instance.metadata, published.metadata),
      }
      // What equals the published value is no word of the operator: a later registration may change it.
      naming.override(id, instance, {
        ...(!Object.is(merged.weight, published.weight) && { weight: merged.weight }),
        ...(merged.enabled !== published.enabled && { enabled: merged.enabled }),
        ...(Object.keys(merged.metadata).length > 0 && { metadata: merged.metadata }),
      })
    },

    /** Takes back every word of the operator. */
    'instance/reset'(body) {
      const id = serviceIn(body)
      const { instance } = find(id, textIn(body, 'ip'), numberIn(body, 'port'))
      naming.override(id, instance, {})
    },

    'instance/deregister'(body) {
      const id = serviceIn(body)
      if (!naming.evict(id, textIn(body, 'ip'), numberIn(body, 'port'))) {
        throw new ActionRefusal('not-found', 'There is no such instance (any more).')
      }
    },

    /** Forgets a service without instances. */
    'service/remove'(body) {
      const outcome = naming.removeService(serviceIn(body))
      if (outcome === 'not-empty') throw new ActionRefusal('not-empty', 'The service has instances.')
      if (outcome === 'unknown') throw new ActionRefusal('not-found', 'There is no such service (any more).')
    },

    'config/check': (body) => ({ problems: checkDocument(textIn(body, 'content'), textIn(body, 'format')) }),

    /** With `md5`, only over the document that the person has seen; '' for one that must be new. */
    'config/publish'(body, remote) {
      const id = configIn(body)
      const content = textIn(body, 'content')
      if (content.trim() === '') throw new ActionRefusal('invalid', `content is blank : ${content}`)
      const seen = typeof body['md5'] === 'string' ? body['md5'] : undefined
      if (seen !== undefined && store.md5Of(id) !== seen) {
        throw new ActionRefusal('conflict', 'The document has changed since it was read.')
      }
      const before = store.get(id)
      store.publish({
        ...id,
        content,
        type: textIn(body, 'format'),
        sourceIp: remote,
        appName: before?.appName,
        description: before?.description ?? undefined,
        tags: before?.tags ?? undefined,
        encryptedDataKey: before?.encryptedDataKey,
      })
      return { md5: store.md5Of(id) }
    },

    'config/delete'(body) {
      if (!store.remove(configIn(body))) throw new ActionRefusal('not-found', 'There is no such document (any more).')
    },
  }
}

export function configIn(body: Body): ConfigId {
  const id = {
    tenant: tenantOf(textIn(body, 'namespace')),
    group: textIn(body, 'group'),
    dataId: textIn(body, 'dataId'),
  }
  const fault = paramFault({ namespaceId: id.tenant, group: id.group, dataId: id.dataId })
  if (fault) throw new ActionRefusal('invalid', fault)
  if (id.dataId === '' || id.group === '') throw new ActionRefusal('invalid', 'A document needs a data id and a group.')
  return id
}

function serviceIn(body: Body): ServiceId {
  return { namespace: textIn(body, 'namespace'), group: textIn(body, 'group'), name: textIn(body, 'name') }
}

function textIn(body: Body, name: string): string {
  const value = body[name]
  if (typeof value === 'string') return value
  throw new ActionRefusal('invalid', `${name}: expected a text.`)
}

function numberIn(body: Body, name: string): number {
  const value = body[name]
  if (typeof value === 'number' && !Number.isNaN(value)) return value
  throw new ActionRefusal('invalid', `${name}: expected a number.`)
}

function metadataIn(body: Body, published: Readonly<Record<string, string>>): Record<string, string> {
  const value = body['metadata']
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ActionRefusal('invalid', 'metadata: expected an object of texts.')
  }
  const entries = Object.entries(value as Body)
  if (entries.some(([key, text]) => key === '' || typeof text !== 'string')) {
    throw new ActionRefusal('invalid', 'metadata: expected an object of texts.')
  }
  const metadata = plainRecord(entries as [string, string][])
  // In Nacos an operator's metadata is laid over the published one: it can change a key, and cannot take it away.
  const missing = Object.keys(published).find((key) => !(key in metadata))
  if (missing !== undefined) {
    throw new ActionRefusal(
      'published-key',
      `The instance publishes ${missing} itself: it can be changed, not removed.`,
    )
  }
  return metadata
}

function differing(metadata: Readonly<Record<string, string>>, published: Readonly<Record<string, string>>) {
  return plainRecord(Object.entries(metadata).filter(([key, value]) => published[key] !== value))
}
