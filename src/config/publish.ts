import { createHash, randomUUID } from 'node:crypto'
import { SidecarError } from '../errors.js'
import type { NacosTransport } from '../nacos/transport.js'
import type { ConfigKey } from '../types.js'
import { holdProcess } from '../util/hold-process.js'
import { unlessAborted } from '../util/unless-aborted.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import type { Config, ConfigOptions } from './config.js'
import { extensionOf, typeOf } from '../properties/formats.js'

/** Names a document in the namespace of `cloud.nacos.config`. */
export interface DocumentName {
  readonly dataId: string
  /** @default cloud.nacos.config.group */
  readonly group?: string
}

/** A document to publish. */
export interface NewDocument extends DocumentName {
  readonly content: string
  /** Nacos's type name: yaml, json, properties, text, xml, html. @default by the data id's extension, else text */
  readonly type?: string
}

/** How a document is published. */
export interface PublishOptions {
  /** Hex MD5 of the document that is to be replaced. */
  readonly casMd5?: string
  /** Gives the request up. */
  readonly signal?: AbortSignal
}

/** The writing half of `sidecar.config`. */
export function createPublisher({
  transport,
  namespace,
  group: defaultGroup,
}: Pick<ConfigOptions, 'transport' | 'namespace' | 'group'>): Pick<Config, 'publish' | 'delete'> {
  /** Once known it stays known: an upgraded registry is seen by the next process. */
  let comparing: Promise<boolean> | undefined

  /** Determined once for all callers: a caller that aborts ends only its own wait. */
  function compares(key: ConfigKey, signal: AbortSignal | undefined): Promise<boolean> {
    comparing ??= honoursCas(transport, key).catch((error: unknown) => {
      comparing = undefined
      throw error
    })
    return unlessAborted(comparing, signal)
  }

  const nameOf = ({ dataId, group = defaultGroup }: DocumentName): ConfigKey => ({ namespace, group, dataId })

  return {
    async publish({ content, type, ...name }, options = {}) {
      const { dataId } = name
      // Under a wrong name the MD5 would not be compared.
      refuseUnknown(options, OPTIONS, (why) => invalid(dataId, why))
      const { casMd5, signal } = options
      const key = nameOf(name)
      const item = { ...key, content, type: type ?? typeOf(extensionOf(dataId)) ?? 'text' }
      if (casMd5 === undefined) return publisherOf(transport)(item, undefined, signal)
      if (!/^[0-9a-f]{32}$/i.test(casMd5)) {
        throw invalid(dataId, 'casMd5 is not an MD5 in hex')
      }
      if (await compares(key, signal)) return publisherOf(transport)(item, casMd5.toLowerCase(), signal)
      throw new SidecarError(
        'SIDECAR_REGISTRY_UNSUPPORTED',
        `publishing ${dataId} with casMd5: the registry at ${transport.describe().server} ignores it and could overwrite ` +
          'a concurrent change, so nothing was written. Nacos supports it from 2.5; publish without casMd5 to write anyway',
      )
    },

    async delete(name, { signal } = {}) {
      if (transport.deleteConfig) return holdProcess(transport.deleteConfig(nameOf(name), signal))
      throw unsupported(transport, 'delete')
    },
  }
}

const OPTIONS: OptionNames<PublishOptions> = { casMd5: true, signal: true }

const invalid = (dataId: string, why: string) =>
  new SidecarError('SIDECAR_CONFIG_INVALID', `publishing ${dataId}: ${why}`)

/** Whether the registry refuses a wrong MD5, tried on a document that no app uses. */
async function honoursCas(transport: ConfigOptions['transport'], { namespace, group }: ConfigKey): Promise<boolean> {
  const publish = publisherOf(transport)
  // Two clients that try at the same time must not collide.
  const probe = { namespace, group, dataId: `nacos-sidecar-probe-${randomUUID()}`, type: 'text' }
  const wrong = createHash('md5').update('another').digest('hex')
  await publish({
    ...probe,
    content: 'nacos-sidecar tests whether this registry supports casMd5. It deletes this document at once.',
  })
  try {
    return !(await publish({ ...probe, content: 'It does not.' }, wrong))
  } finally {
    await transport.deleteConfig?.(probe).catch(() => {})
  }
}

type Publish = NonNullable<NacosTransport['publishConfig']>

function publisherOf(transport: ConfigOptions['transport']): Publish {
  if (transport.publishConfig) return (...args) => holdProcess(transport.publishConfig!(...args))
  throw unsupported(transport, 'publish')
}

function unsupported(transport: ConfigOptions['transport'], verb: string): SidecarError {
  const { protocol } = transport.describe()
  return new SidecarError(
    'SIDECAR_REGISTRY_UNSUPPORTED',
    `config.${verb}: the transport (${protocol}) cannot ${verb} configs`,
  )
}
