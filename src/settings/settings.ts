// Written by `npm run schema` from schema.ts and schema/: change those.

/** bootstrap.yml with every default filled in; frozen. Durations are milliseconds. */
export interface Settings {
  readonly server: {
    /**
     * Port that the app listens on. The app reads it: `configLocal('server.port', 9202)`.
     * @default the port the app listens on
     */
    readonly port?: number | undefined
  }
  readonly application: {
    /**
     * Name of the service, required to register; also the data id of its own documents.
     * @default the name in package.json
     */
    readonly name?: string | undefined
    /** Value of `auth.code`, if that is not set. */
    readonly code?: string | undefined
  }
  readonly profiles: {
    /**
     * Active profiles, separated by commas; a later one is stronger.
     * @default none
     */
    readonly active: readonly string[]
    /**
     * Further profiles; the active ones are stronger.
     * @default none
     */
    readonly include: readonly string[]
    /** Profiles that a profile activates: `prod: [proddb, prodmq]`. Members may have groups of their own. */
    readonly group: {
      readonly [name: string]: readonly string[]
    }
  }
  readonly config: {
    /**
     * Further documents to read, separated by commas or semicolons. From Nacos:
     * `[optional:]nacos:data-id?group=&refreshEnabled=&preference=`; then no other document of Nacos is loaded. Files:
     * `[optional:]file:`, `classpath:` (beside the main file), `configtree:`. Each is just stronger than the document
     * that imports it.
     */
    readonly import: readonly string[]
  }
  readonly cloud: {
    readonly nacos: {
      readonly tls: {
        /**
         * `true` uses TLS for addresses without `http://` or `https://`.
         * @default true if another key of `tls` is set
         */
        readonly enabled?: boolean | undefined
        /**
         * PEM file of the certificate authorities to trust.
         * @default Node's own
         */
        readonly caFile?: string | undefined
        /** PEM file of the client certificate; needs `key-file`. */
        readonly certFile?: string | undefined
        /** PEM file of the client certificate's key. */
        readonly keyFile?: string | undefined
        /** Passphrase of that key. */
        readonly keyPassphrase?: string | undefined
        /**
         * Host name that the server's certificate must have.
         * @default the address
         */
        readonly serverName?: string | undefined
      }
      /** HTTP API to use: `auto` detects it once, `v1` is for Nacos 1.x–3.1 and r-nacos, `v3` for Nacos 3.x. */
      readonly apiVersion: 'auto' | 'v1' | 'v3'
      /** How the instance is registered: `http` with a heartbeat, or over the `grpc` connection. */
      readonly transport: 'http' | 'grpc'
      /** Deadline of one request to the registry. */
      readonly requestTimeout: number
      /** Deadline of one heartbeat; then the next address is tried. */
      readonly beatTimeout: number
      readonly discovery: {
        /**
         * Pause between heartbeats, at least one second. This time and the next two are sent to the server, which uses them.
         * The same times in `metadata` (`preserved.heart.beat.interval` …, as Java services write them) are stronger. A time
         * that you do not set adapts to those that you set.
         * @default 10s
         */
        readonly heartBeatInterval: number
        /**
         * Time without a heartbeat after which the instance is unhealthy; at least `heart-beat-interval`.
         * @default 30s
         */
        readonly heartBeatTimeout: number
        /**
         * Time without a heartbeat after which the instance is removed; at least `heart-beat-interval`.
         * @default 90s
         */
        readonly ipDeleteTimeout: number
        /** `false` registers no instance; other services are still found. */
        readonly enabled: boolean
        /** Group of the instance, and of the services that it looks up. */
        readonly group: string
        /** Nacos cluster of the instance; `same-cluster-first` prefers it. */
        readonly clusterName: string
        /**
         * All clusters with instances to call. Needed only if the gRPC port of a Nacos 3 without the v1 API cannot be reached:
         * its HTTP API lists by cluster, so instances in other clusters are not found, and an empty list is an error.
         * @default the own cluster, DEFAULT and clusters seen before
         */
        readonly watchClusters: readonly string[]
        /** Weight: the share of calls relative to the other instances; 0 gets no calls. */
        readonly weight: number
        /** Metadata of the instance, `name: value` pairs. */
        readonly metadata: {
          readonly [name: string]: string
        }
        /** Address prefixes or regular expressions; the first private address that matches one of them is registered. */
        readonly preferredNetworks: readonly string[]
        /** `false` registers no instance; the process only calls others. */
        readonly registerEnabled: boolean
        /** `false` registers the instance as disabled: it gets no calls until an operator enables it. */
        readonly instanceEnabled: boolean
        /** `false` registers a persistent instance: it sends no heartbeat, Nacos probes it. */
        readonly ephemeral: boolean
        /** `true` adds `secure=true` to the metadata: callers use https. */
        readonly secure: boolean
        /** `true`: if the first registration fails, the start fails with an error. `false`: it is logged and retried. */
        readonly failFast: boolean
        /**
         * Registered name.
         * @default the value of `application.name`
         */
        readonly service?: string | undefined
        /**
         * Registered address or host name; an empty value and `auto` mean the default.
         * @default the first private address that is not on a virtual interface
         */
        readonly ip?: string | undefined
        /**
         * Registered port; -1, as in Spring, and 0 mean the default.
         * @default the port the app really listens on
         */
        readonly port?: number | undefined
        /** Name of the network interface whose address is registered: `eth0`. */
        readonly networkInterface?: string | undefined
        /**
         * `IPv4` or `IPv6`: kind of address to register if there are both.
         * @default IPv4 before IPv6
         */
        readonly ipType?: 'ipv4' | 'ipv6' | undefined
        /**
         * Addresses of the nodes, `host:port`, separated by commas. A bare host gets port 8848. A URL keeps its parts:
         * `https://` means TLS and port 443, `http://` port 80, a path is the `context-path`.
         * @default 127.0.0.1:8848
         */
        readonly serverAddr?: string | undefined
        /**
         * Address server that lists the nodes; stronger than `server-addr`. `host`, `host:port` (default port 8080) or a URL.
         * It is read at the start and every 30 s. While it fails, its last answer stays in use.
         */
        readonly endpoint?: string | undefined
        /**
         * First path segment of the address server.
         * @default the `context-path`, /nacos
         */
        readonly endpointContextPath?: string | undefined
        /**
         * Last path segment of the address server: the name of its list.
         * @default serverlist
         */
        readonly endpointClusterName?: string | undefined
        /**
         * Namespace id. An empty value and `public` mean the public namespace.
         * @default public
         */
        readonly namespace?: string | undefined
        /** User name for the login. The token is renewed before it expires. */
        readonly username?: string | undefined
        /** Password of the user; sent only in the body of the login. */
        readonly password?: string | undefined
        /** AccessKey id for signed requests, instead of a login. */
        readonly accessKey?: string | undefined
        /** AccessKey secret; never sent. */
        readonly secretKey?: string | undefined
        /** STS token of a temporary access key. */
        readonly securityToken?: string | undefined
        /** Region id for V4 signatures (Alibaba MSE). Without it, the older signature is sent. */
        readonly regionId?: string | undefined
        /**
         * First path segment of the server.
         * @default /nacos
         */
        readonly contextPath?: string | undefined
      }
      readonly config: {
        /** `false` loads no document from Nacos. */
        readonly enabled: boolean
        /** Group of the service's own documents, and of imports without `?group=`. */
        readonly group: string
        /** Extension of the service's own data ids, and format of data ids without an extension. Spring's default is `properties`. */
        readonly fileExtension: string
        /**
         * Shared documents: data ids, or `{ data-id, group, refresh }`. They are the weakest documents; a later one is
         * stronger. With `refresh: true` changes are followed (see also `sidecar.refresh-all`). Without `group` the group is
         * `DEFAULT_GROUP`, not `config.group`. They are not loaded if `config.import` names documents in Nacos.
         */
        readonly sharedConfigs: readonly (
          | {
              readonly dataId: string
              readonly group: string | undefined
              readonly refresh: boolean | undefined
            }
          | {
              readonly dataId: string
              readonly group?: string | undefined
              readonly refresh?: boolean | undefined
            }
        )[]
        /** As `shared-configs`; stronger than those, weaker than the service's own documents. */
        readonly extensionConfigs: readonly (
          | {
              readonly dataId: string
              readonly group: string | undefined
              readonly refresh: boolean | undefined
            }
          | {
              readonly dataId: string
              readonly group?: string | undefined
              readonly refresh?: boolean | undefined
            }
        )[]
        /** Old name of `extension-configs`; ignored if that is set. */
        readonly extConfig: readonly (
          | {
              readonly dataId: string
              readonly group: string | undefined
              readonly refresh: boolean | undefined
            }
          | {
              readonly dataId: string
              readonly group?: string | undefined
              readonly refresh?: boolean | undefined
            }
        )[]
        /** Old form of `shared-configs`: data ids in `DEFAULT_GROUP`, separated by commas. */
        readonly sharedDataids: readonly string[]
        /** Data ids of `shared-dataids` and `shared-configs` whose changes are followed. */
        readonly refreshableDataids: readonly string[]
        /** `false` follows the changes of no document. */
        readonly refreshEnabled: boolean
        /**
         * Whether an imported document (`remote`) or the local file for a profile (`local`) is the stronger one;
         * `?preference=` sets it for one import.
         */
        readonly preference: 'local' | 'remote'
        /** Deadline of loading the documents at the start. */
        readonly timeout: number
        /** Accepted as in Spring, without effect: Nacos sends documents as UTF-8. */
        readonly encode: string
        /**
         * `true`: if documents cannot be loaded at the start, or one cannot be used, the start fails with an error. `false`:
         * the start goes on with the snapshot, or without the document.
         */
        readonly failFast: boolean
        /** What happens if a document is deleted in Nacos: `keep` its values, or `clear` them. */
        readonly onDelete: 'keep' | 'clear'
        /** Largest accepted document, in bytes. A larger one would block the process while it is parsed. */
        readonly maxBytes: number
        /**
         * Data id of the service's own documents, without profile and extension.
         * @default the value of `name`, then of `application.name`
         */
        readonly prefix?: string | undefined
        /** The same as `prefix`, which is stronger. */
        readonly name?: string | undefined
        /**
         * Addresses of the nodes, `host:port`, separated by commas. A bare host gets port 8848. A URL keeps its parts:
         * `https://` means TLS and port 443, `http://` port 80, a path is the `context-path`.
         * @default 127.0.0.1:8848
         */
        readonly serverAddr?: string | undefined
        /**
         * Address server that lists the nodes; stronger than `server-addr`. `host`, `host:port` (default port 8080) or a URL.
         * It is read at the start and every 30 s. While it fails, its last answer stays in use.
         */
        readonly endpoint?: string | undefined
        /**
         * First path segment of the address server.
         * @default the `context-path`, /nacos
         */
        readonly endpointContextPath?: string | undefined
        /**
         * Last path segment of the address server: the name of its list.
         * @default serverlist
         */
        readonly endpointClusterName?: string | undefined
        /**
         * Namespace id. An empty value and `public` mean the public namespace.
         * @default public
         */
        readonly namespace?: string | undefined
        /** User name for the login. The token is renewed before it expires. */
        readonly username?: string | undefined
        /** Password of the user; sent only in the body of the login. */
        readonly password?: string | undefined
        /** AccessKey id for signed requests, instead of a login. */
        readonly accessKey?: string | undefined
        /** AccessKey secret; never sent. */
        readonly secretKey?: string | undefined
        /** STS token of a temporary access key. */
        readonly securityToken?: string | undefined
        /** Region id for V4 signatures (Alibaba MSE). Without it, the older signature is sent. */
        readonly regionId?: string | undefined
        /**
         * First path segment of the server.
         * @default /nacos
         */
        readonly contextPath?: string | undefined
      }
      /**
       * Addresses of the nodes, `host:port`, separated by commas. A bare host gets port 8848. A URL keeps its parts:
       * `https://` means TLS and port 443, `http://` port 80, a path is the `context-path`.
       * @default 127.0.0.1:8848
       */
      readonly serverAddr?: string | undefined
      /**
       * Address server that lists the nodes; stronger than `server-addr`. `host`, `host:port` (default port 8080) or a URL.
       * It is read at the start and every 30 s. While it fails, its last answer stays in use.
       */
      readonly endpoint?: string | undefined
      /**
       * First path segment of the address server.
       * @default the `context-path`, /nacos
       */
      readonly endpointContextPath?: string | undefined
      /**
       * Last path segment of the address server: the name of its list.
       * @default serverlist
       */
      readonly endpointClusterName?: string | undefined
      /**
       * Namespace id. An empty value and `public` mean the public namespace.
       * @default public
       */
      readonly namespace?: string | undefined
      /** User name for the login. The token is renewed before it expires. */
      readonly username?: string | undefined
      /** Password of the user; sent only in the body of the login. */
      readonly password?: string | undefined
      /** AccessKey id for signed requests, instead of a login. */
      readonly accessKey?: string | undefined
      /** AccessKey secret; never sent. */
      readonly secretKey?: string | undefined
      /** STS token of a temporary access key. */
      readonly securityToken?: string | undefined
      /** Region id for V4 signatures (Alibaba MSE). Without it, the older signature is sent. */
      readonly regionId?: string | undefined
      /**
       * First path segment of the server.
       * @default /nacos
       */
      readonly contextPath?: string | undefined
    }
    readonly discovery: {
      /** `false` registers no instance, as `cloud.nacos.discovery.register-enabled: false` does; calls by name still work. */
      readonly enabled: boolean
    }
    readonly serviceRegistry: {
      readonly autoRegistration: {
        /** `false` registers no instance, as `cloud.nacos.discovery.register-enabled: false` does. */
        readonly enabled: boolean
      }
    }
    /** How the registered address is chosen, with Spring's keys. */
    readonly inetutils: {
      /** As `cloud.nacos.discovery.preferred-networks`, which is tried first. */
      readonly preferredNetworks: readonly string[]
      /** Regular expressions: an interface whose whole name matches one of them is ignored. */
      readonly ignoredInterfaces: readonly string[]
      /** `true` uses private addresses only. */
      readonly useOnlySiteLocalInterfaces: boolean
      /**
       * Address to use if this machine has no other.
       * @default 127.0.0.1
       */
      readonly defaultIpAddress?: string | undefined
    }
  }
  readonly auth: {
    /** `true` guards the app: requests need a token that the auth service permits. */
    readonly enabled: boolean
    /** `true` lets requests with a token pass while the auth service is down. */
    readonly failOpen: boolean
    /** Paths that need no token: whole segments (`/public`) and globs (`/static/**`). */
    readonly excludePaths: readonly string[]
    /** Deadline of one request to the auth service. */
    readonly timeout: number
    /** Path of the check on the auth service. */
    readonly path: string
    /** How long a permission for a token and a route is cached; a refusal is cached for one second at most. 0 caches none. */
    readonly cacheTtl: number
    /**
     * Limit of pending token checks; one connection may have half of them. Above it, requests that need a check get 503
     * with `Retry-After`. Requests with a cached decision and health pages need no check.
     */
    readonly maxPending: number
    /** `true` lets CORS preflights pass without a token: OPTIONS with Origin and Access-Control-Request-Method, and no body. */
    readonly openPreflight: boolean
    readonly token: {
      /** `true` also reads the token from the query: `?token=` or `?access_token=`. */
      readonly query: boolean
      /** `true` also reads the token from the cookies `token` and `access_token`. */
      readonly cookies: boolean
      /**
       * The only places where the token is read, the strongest first: `bearer`, `cookies`, `query`, `x-auth-token`, `x-token`.
       * @default all of them; a request with different tokens is refused
       */
      readonly sources?: readonly ('query' | 'cookies' | 'bearer' | 'x-auth-token' | 'x-token')[] | undefined
      /**
       * Longest accepted token, in characters.
       * @default Node's limit on headers: 16 KB, --max-http-header-size
       */
      readonly maxLength?: number | undefined
    }
    /**
     * `first` guards every route and every upgrade (WebSockets), in front of the app, or of the server that is found if
     * there is no app. `manual` leaves the place to the app: `sidecar.guard()`, `check()` and `guardUpgrade()`.
     */
    readonly mount: 'first' | 'manual'
    /** Service name or base URL of the auth service. */
    readonly service?: string | undefined
    /**
     * Code of this application, sent to the auth service.
     * @default the value of `application.code`
     */
    readonly code?: string | undefined
  }
  readonly feign: {
    /** Keyed by the name of the service; `default` applies to all services. */
    readonly client: {
      readonly [name: string]: {
        /** Fixed base URL; discovery is not used. `NACOS_SIDECAR_OVERRIDE_<name>` in the environment sets it too. */
        readonly url?: string | undefined
        /**
         * Deadline of one connection attempt; then the call goes to the next instance.
         * @default 2s
         */
        readonly connectTimeout?: number | undefined
        /**
         * Limit of connections to one instance, shared by typed clients, `sidecar.fetch` and undici. If all are in use, calls
         * wait; if none becomes free within `connect-timeout`, they go to the next instance. Answers of type
         * `text/event-stream` are counted separately.
         * @default 128
         */
        readonly maxConnections?: number | undefined
        /**
         * Longest silence while a call waits for its answer.
         * @default 60s
         */
        readonly readTimeout?: number | undefined
        /** Deadline of one attempt with its connection and its whole answer; replaces `read-timeout`. */
        readonly attemptTimeout?: number | undefined
        /** Deadline of the whole call with all its attempts. */
        readonly timeout?: number | undefined
        /**
         * Number of attempts after the first, for idempotent calls.
         * @default 1
         */
        readonly retry?: number | undefined
        /** Headers sent with every call. */
        readonly headers?:
          | {
              readonly [name: string]: string
            }
          | undefined
        /** `round-robin`, `random`, `least-pending`, `consistent-hash`, `same-cluster-first`, or a registered one. */
        readonly balancer?: string | undefined
        /** Key of `consistent-hash`: `path:id`, `query:user` or `header:x-user`. */
        readonly hashBy?: string | undefined
        /** Metadata that an instance must have to be called. */
        readonly filter?:
          | {
              readonly [name: string]: string
            }
          | undefined
        /** Version (metadata `version`) of the instances to call, unless the incoming request asks for another. */
        readonly version?: string | undefined
        /**
         * A circuit breaker for the service.
         * @default none
         */
        readonly breaker?:
          | {
              /**
               * `false` switches off the breaker that `default` configures.
               * @default true
               */
              readonly enabled: boolean
              /**
               * Consecutive failed calls (no answer, or 5xx) that open the circuit.
               * @default 10
               */
              readonly failures: number
              /**
               * How long an open circuit refuses calls before it lets one call through as a trial.
               * @default 10s
               */
              readonly openFor: number
            }
          | undefined
        /** `true` sends the caller's token and trace to a fixed `url` too. */
        readonly forwardContext?: boolean | undefined
      }
    }
  }
  readonly sidecar: {
    /**
     * How long the instance keeps serving after it was deregistered. `auto`: 12 s, and longer while requests still arrive
     * from callers with an older list (Spring Cloud LoadBalancer keeps one for 35 s), until none has arrived for 3 s, at
     * most `drain-timeout`. Health checks do not count. A duration is a fixed drain; 0 means no drain.
     */
    readonly drain: number | 'auto'
    /** Longest duration of an `auto` drain. Set the grace period of the platform at least 5 s above it. */
    readonly drainTimeout: number
    /**
     * `true`: at the end of the drain, send WebSockets a close frame (1001, going away) and end `text/event-stream`
     * answers. `false`: they are cut after 9 s, and the event `closing` reports them to the app.
     */
    readonly endStreams: boolean
    /** Deadline of the deregistration. */
    readonly deregisterTimeout: number
    /** When Nacos suddenly returns no instances, keep the old list this long, then check again. */
    readonly emptyProtection: number
    /**
     * `true` deregisters the instance when the process ends. `false` leaves it in the registry, without a drain; Nacos
     * removes it `ip-delete-timeout` after its last heartbeat.
     */
    readonly deregisterOnExit: boolean
    /**
     * When to register: `listen` as soon as the app listens, `request` when it has answered its first request, `manual` when
     * it calls `sidecar.register()`. Health probes, CORS preflights and requests answered with 401, 403, 429 or 503 are no
     * first request.
     */
    readonly registerOn: 'manual' | 'listen' | 'request'
    /** Interval of list polls while there is no push; varied at random by ±10 %. */
    readonly pollInterval: number
    /**
     * `true` also follows the changes of shared and extension configs without `refresh`. Spring reads those once, at the
     * start.
     */
    readonly refreshAll: boolean
    /** Balancer of every service without `feign.client.<name>.balancer`. */
    readonly balancer: string
    readonly ejection: {
      /** `true` ejects failing instances from the list for a while. */
      readonly enabled: boolean
      /** Consecutive failed calls (5xx, timeouts, broken connections) that eject an instance. */
      readonly failures: number
      /** Consecutive failed connection attempts that eject an instance. */
      readonly connectFailures: number
      /** Duration of the first ejection. It doubles each further time, and is shortened at random by up to a fifth. */
      readonly time: number
      /** Longest duration of an ejection. */
      readonly maxTime: number
      /** Largest share of the list that may be ejected, in percent. */
      readonly maxShare: number
      /** If ejection leaves fewer than this percentage of instances, ignore it and use them all. */
      readonly panicShare: number
    }
    /** Limit of retries of requests that may have arrived, in percent of a service's calls of the last ten seconds. */
    readonly retryBudget: number
    /** Header of an incoming request that names the version of other services to call; it is sent on. An empty value switches it off. */
    readonly versionHeader: string
    /**
     * `true` sends the token, trace and version of a request on to the services that its handler calls. Set `false` if the
     * app calls no service: following a request through its promises costs Node 20 and 22 a few microseconds.
     */
    readonly forwardContext: boolean
    /**
     * Further headers of a request that are sent on to the services its handler calls: `x-tenant-id, accept-language,
     * baggage`. Never to another host, and to a fixed `url` only with its `forward-context`. The token and the trace are
     * sent on without being named.
     */
    readonly forwardHeaders: readonly string[]
    /** Difference between the gRPC port and the HTTP port of the registry. */
    readonly grpcPortOffset: number
    /** How changes arrive: `auto` subscribes over gRPC if its port answers, `off` uses HTTP only. */
    readonly push: 'auto' | 'off'
    readonly observe: {
      /** `true` keeps figures by operation: `sidecar.stats()` and the event `period`. */
      readonly enabled: boolean
      /** Time between two events `period`, each with the figures since the one before. */
      readonly period: number
      /** Limit of names of operations, all kinds together; operations with further names count as `other`. */
      readonly maxNames: number
      /** How many of the first operations of a name are kept as examples, for each period. */
      readonly maxSamples: number
      /** The same for the first operations that failed. */
      readonly maxErrors: number
      /** Longest text in an example, in characters; the rest is cut off. */
      readonly maxTagLength: number
      /** Names of operations without figures; `*` stands for any text: `GET /actuator/*`, `resolve *`. */
      readonly excludes: readonly string[]
      /** HTTP statuses and codes of errors that are no failure: `404`, `SIDECAR_CIRCUIT_OPEN`. */
      readonly expected: readonly string[]
      /** `true` writes a line to the log for each request that was served or refused, whatever the level of the log is. */
      readonly accessLog: boolean
      /**
       * Paths without a line in the access log; `*` stands for any text.
       * @default /health, /actuator, /actuator/*
       */
      readonly accessLogExcludes: readonly string[]
      readonly report: {
        /**
         * Base URL of a collector that takes figures over the HTTP API of Stardust; each period is sent there. Read at the start.
         * @default none
         */
        readonly url?: string | undefined
        /**
         * Name of this application at the collector.
         * @default the value of `application.name`
         */
        readonly appId?: string | undefined
        /** Secret of this application; sent only in the body of the login. */
        readonly secret?: string | undefined
      }
    }
    readonly alerts: {
      /** Form of the message: `json`, or that of a chat. */
      readonly format: 'json' | 'dingtalk' | 'feishu' | 'wecom' | 'slack'
      /**
       * What is reported. `registry-lost`: no server of the registry answers. `config-rejected`: a version of a document
       * cannot be used. `ejected`: an instance of another service fails. `error-rate>5%/1m`: more than 5 % of the requests
       * that this instance served within a minute failed.
       * @default registry-lost, config-rejected, ejected
       */
      readonly on: readonly string[]
      /** A condition that ends within this time is not reported. */
      readonly for: number
      /** How often a condition that lasts is reported again. 0: once. */
      readonly repeat: number
      /** Deadline of one request to the webhook. */
      readonly timeout: number
      /**
       * Address that alerts are sent to with POST. A chat's webhook is a secret: give it by the environment.
       * @default none: no alerts; the same if it is empty
       */
      readonly webhook?: string | undefined
      /** Key that signs the message, where the webhook of DingTalk or Feishu asks for it. */
      readonly secret?: string | undefined
    }
    readonly health: {
      /** `true` answers `/health` and `/actuator/health` unless the app does. */
      readonly enabled: boolean
    }
    /**
     * Longest duration of a whole shutdown: hooks, deregistration, drain, requests in progress. The drain ends early enough
     * to leave a quarter of it, at most 5 s, for what follows. What is still open at its end is named in one warning, and
     * cut. Set it 1 s below the grace period of the platform.
     * @default none: each part has its own limit
     */
    readonly leaveTimeout?: number | undefined
    /**
     * How often a failed first registration is tried again. Then one error is logged, and the app serves without being
     * registered until it calls `sidecar.register()`; with `fail-fast` the start ends.
     * @default again and again
     */
    readonly registerRetries?: number | undefined
    /**
     * Pause between two tries of the first registration.
     * @default 1 to 2 s, then 2 to 4 s
     */
    readonly registerRetryInterval?: number | undefined
    /**
     * gRPC port of the registry.
     * @default the HTTP port + `grpc-port-offset`
     */
    readonly grpcPort?: number | undefined
    /**
     * Folder of the snapshots (last lists and documents of the registry), used by a start without the registry. `off`
     * keeps them in memory only.
     * @default nacos-sidecar in $XDG_STATE_HOME, $XDG_CACHE_HOME or ~/.cache
     */
    readonly snapshotDir?: string | undefined
    /** File to which log lines are appended too, from the level `logging.level.nacos-sidecar`. It is created with mode 0640. */
    readonly logFile?: string | undefined
  }
  readonly management: {
    readonly server: {
      /** Path before all paths of this server. */
      readonly basePath: string
      /**
       * Port of a server of its own for the pages, the health pages too; 0 is any free one. -1 answers the health pages alone.
       * @default the pages are on the app's server
       */
      readonly port?: number | undefined
      /**
       * Address that this server listens on. Takes effect with a port of its own.
       * @default every address
       */
      readonly address?: string | undefined
    }
    readonly endpoints: {
      readonly web: {
        /** Path that the pages are below. The health pages stay below `/actuator` as well. */
        readonly basePath: string
        readonly exposure: {
          /** Pages that are not answered; stronger than `include`. */
          readonly exclude: readonly string[]
          /**
           * Pages that are answered: `info`, `metrics`, `prometheus`, `loggers`, or `*`; the health pages always are.
           * @default all of them with `auth.enabled` and on a port of their own, else none
           */
          readonly include?: readonly string[] | undefined
        }
      }
    }
    readonly info: {
      readonly env: {
        /** `true` shows the keys below `info` on the page `info`. Unlike Spring, they are shown unless this is `false`. */
        readonly enabled: boolean
      }
    }
    readonly metrics: {
      /** Tags of every metric. Without `application` here, it is the value of `application.name`. */
      readonly tags: {
        readonly [name: string]: string
      }
      readonly distribution: {
        /** `http.server.requests: true` and `http.client.requests: true` add the buckets of Micrometer's histogram. */
        readonly percentilesHistogram: {
          readonly [name: string]: boolean
        }
        /** Further buckets: `http.server.requests: 100ms, 500ms`. */
        readonly slo: {
          readonly [name: string]: string
        }
      }
    }
  }
  readonly logging: {
    /**
     * Log levels by name; the sidecar's is `nacos-sidecar`: debug, info, warn, error or silent. Read live.
     * @default info
     */
    readonly level: {
      readonly [name: string]: 'error' | 'info' | 'debug' | 'warn' | 'silent'
    }
    /** `text`: a sentence a line. `json`: one object a line with `time`, `level`, `message`, fields and `traceId`. Not for a logger of your own. */
    readonly format: 'json' | 'text'
  }
}
