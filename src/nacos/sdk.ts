import { serviceKeyText } from '../instance.js'
import { setMaxListeners } from 'node:events'
import { SidecarError } from '../errors.js'
import { createLogger, escaping, type Logger } from '../logger.js'
import type { ConfigKey } from '../types.js'
import { untraced } from '../tracing/untraced.js'
import { cutOff, linkSignals } from '../util/deadline.js'
import { unlessAborted } from '../util/unless-aborted.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import { configLabel, instanceLabel } from './http/dialects/dialect.js'
import { RequestFailure, sidecarError } from './http/failure.js'
import { createRedactor } from '../util/redactor.js'
import { namespaceOf, serversOf, type SdkConfigClient, type SdkNamingClient } from './sdk/clients.js'
import { closeSdk } from './sdk/close.js'
import { createSdkConfig } from './sdk/config.js'
import { configFailure, namingFailure, secretsOf } from './sdk/failure.js'
import { createSdkNaming, proxyOf } from './sdk/naming.js'
import { watchSdkConfig } from './sdk/watch.js'
import type { NacosTransport } from './transport.js'

/** The clients of npm `nacos` to use. */
export interface NacosSdkOptions {
  /** `new NacosNamingClient({ logger, serverList, namespace })` */
  readonly naming: SdkNamingClient
  /** `new NacosConfigClient({ serverAddr, namespace })`, or `DataClient`. Without it no config is read. */
  readonly config?: SdkConfigClient
  /** `true` closes both clients with the transport. @default false: they are yours */
  readonly own?: boolean
  /** Hears of config listeners that throw. @default warnings, one line each, to stderr */
  readonly logger?: Logger
}

const OPTIONS: OptionNames<NacosSdkOptions> = { naming: true, config: true, own: true, logger: true }

/** How long a close waits for the deregistration of what is still registered. */
const DEREGISTER_MS = 3_000

/**
 * A transport over clients of the official npm `nacos` package (2.x) that a program has already. They use Nacos's v1
 * API: Nacos 1.x to 3.1, r-nacos without auth. The built-in transport supports more servers and reports more.
 *
 * What comes with the SDK: it beats by itself, at first up to 10 s after a registration; each client has one namespace;
 * services are polled, for its subscription covers the cluster DEFAULT only and never reports an empty list; a change
 * of a document that is watched later than others may take 30 s; there is no `casMd5`, and no type of a document; a
 * failed naming request has no reason; a failed config request is repeated without a pause for the client's
 * `requestTimeout`; without an `error` listener of yours it prints failed requests with their credentials.
 *
 * Where it hides a failure (the copy on disk for the server's answer, `null` or `true` for any 404) this rejects.
 * Rejections are `SIDECAR_REGISTRY_UNAVAILABLE`, `…_REFUSED`, `…_ANSWER`, or `…_UNSUPPORTED` for what it cannot do or
 * cannot know; `SIDECAR_STOPPED` after `close`.
 *
 * @throws SidecarError `SIDECAR_REGISTRY_UNSUPPORTED` for another SDK's client, or a config client with the tenant
 * `public`
 * @example
 * const naming = new NacosNamingClient({ logger: console, serverList: '127.0.0.1:8848', namespace: 'public' })
 * const config = new NacosConfigClient({ serverAddr: '127.0.0.1:8848' })
 * await initSidecar(app, { transport: fromNacosSdk({ naming, config }) })
 */
export function fromNacosSdk(options: NacosSdkOptions): NacosTransport {
  refuseUnknown(options, OPTIONS, (why) => new SidecarError('SIDECAR_SETTINGS_INVALID', `fromNacosSdk(): ${why}`))
  const { naming, config, own = false } = options
  const logger = options.logger ? escaping(options.logger) : createLogger('warn')
  const servers = serversOf(naming)
  const server = servers[0] ?? 'npm nacos'
  const redact = createRedactor(secretsOf(naming.options, config?.options))
  const closed = new AbortController()
  setMaxListeners(0, closed.signal) // each watch is one
  let connected = false

  const failed = (what: string, failure: RequestFailure, advice?: string) =>
    sidecarError(what, failure, server, redact, failure.kind === 'no-route' ? INSTEAD : advice)

  const unusable = unusableReason(naming, config)
  if (unusable) throw failed('fromNacosSdk()', unusable)
  const services = createSdkNaming(naming)
  const documents = config && createSdkConfig(config, naming)

  /** Does the work, for as long as the caller waits: a request of the SDK cannot be cancelled. */
  async function perform<T>(
    what: string,
    work: () => Promise<T>,
    read: FailureReader,
    signal?: AbortSignal,
  ): Promise<T> {
    const scope = linkSignals(closed.signal, signal)
    try {
      scope.signal.throwIfAborted()
      const result = await unlessAborted(untraced(work), scope.signal)
      connected = true
      return result
    } catch (error) {
      if (closed.signal.aborted) throw stopped(what)
      if (scope.signal.aborted) throw failed(what, new RequestFailure('aborted', 'it was cancelled'))
      const { failure, advice } = read(error)
      connected = !failure.blamesNode
      throw failed(what, failure, advice)
    } finally {
      scope.unlink()
    }
  }

  const asking = <T>(
    what: string,
    { namespace }: { namespace: string },
    work: () => Promise<T>,
    signal?: AbortSignal,
  ) =>
    perform(
      what,
      async () => {
        assertNamespace(namespace, naming, 'naming')
        await naming.ready()
        return work()
      },
      (error) => ({ failure: namingFailure(error), advice: NO_REASON }),
      signal,
    )

  const reading = <T>(
    what: string,
    { namespace }: { namespace: string },
    work: (held: NonNullable<typeof documents>) => Promise<T>,
    signal?: AbortSignal,
  ) =>
    perform(
      what,
      async () => {
        if (!config || !documents) throw new RequestFailure('no-route', 'no config client was given')
        assertNamespace(namespace, config, 'config')
        return work(documents)
      },
      (error) => ({ failure: configFailure(error) }),
      signal,
    )

  const getConfig = (key: ConfigKey, signal?: AbortSignal) =>
    reading(`reading config ${configLabel(key)}`, key, (held) => held.get(key), signal)

  return {
    register: (instance, signal) =>
      asking(`registering ${instanceLabel(instance)}`, instance, () => services.register(instance), signal),
    deregister: (instance, signal) =>
      asking(`deregistering ${instanceLabel(instance)}`, instance, () => services.deregister(instance), signal),
    list: (key, signal) => asking(`listing ${serviceKeyText(key)}`, key, () => services.list(key), signal),
    listServices: (page, signal) =>
      asking(`listing the services of ${page.group}`, page, () => services.listServices(page), signal),

    getConfig,
    ...(config && {
      watchConfig(key, knownMd5, listener) {
        const what = `watching config ${configLabel(key)}`
        if (closed.signal.aborted) throw stopped(what)
        try {
          assertNamespace(key.namespace, config, 'config')
          const read = (signal: AbortSignal) => getConfig(key, signal)
          return watchSdkConfig({ client: config, key, knownMd5, listener, read, logger }, closed.signal)
        } catch (error) {
          throw failed(what, configFailure(error))
        }
      },
    }),
    publishConfig: (item, casMd5, signal) =>
      reading(
        `publishing config ${configLabel(item)}`,
        item,
        async (held) => {
          if (casMd5 !== undefined) throw new RequestFailure('no-route', 'the npm nacos client has no compare-and-set')
          return held.publish(item)
        },
        signal,
      ),
    deleteConfig: (key, signal) =>
      reading(`deleting config ${configLabel(key)}`, key, (held) => held.remove(key), signal),

    describe: () => ({ server, servers, protocol: 'nacos-sdk', connected, reason: 'it was given as `transport`' }),
    async close() {
      if (closed.signal.aborted) return
      closed.abort()
      await cutOff(DEREGISTER_MS, [], () => services.deregisterAll()).catch(() => {})
      if (own) await closeSdk(naming, config)
    },
  } satisfies NacosTransport
}

type FailureReader = (error: unknown) => { failure: RequestFailure; advice?: string }

const INSTEAD = 'Give fromNacosSdk() what the message asks for, or leave `transport` out: the built-in one has it all.'
const NO_REASON = "The npm nacos client does not say why: its own logger has each server's answer."

function unusableReason(naming: SdkNamingClient, config: SdkConfigClient | undefined): RequestFailure | undefined {
  try {
    proxyOf(naming)
  } catch (error) {
    return error as RequestFailure
  }
  // Without its events, the server's answer could not be distinguished from the copy on disk.
  if (config && typeof config.on !== 'function') {
    return new RequestFailure('no-route', 'the config client is no NacosConfigClient or DataClient of npm nacos 2.x')
  }
  // Nacos 2 stores what is written there where no read finds it, and a watch of it spins.
  if (config?.options?.namespace !== 'public') return undefined
  return new RequestFailure('no-route', "for the public namespace, the config client's `namespace` is left out")
}

function assertNamespace(wanted: string, client: Parameters<typeof namespaceOf>[0], side: string): void {
  const bound = namespaceOf(client)
  if (wanted === bound) return
  const name = (namespace: string) => namespace || 'public'
  const words = `the ${side} client has the namespace ${name(bound)}, and ${name(wanted)} was asked for (cloud.nacos.namespace)`
  throw new RequestFailure('no-route', words)
}

function stopped(what: string): SidecarError {
  return new SidecarError('SIDECAR_STOPPED', `${what} failed: the transport has been closed`)
}
