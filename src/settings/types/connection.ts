// Written by `npm run schema` from ../schema.ts and ../schema/: change those.

/** How to reach one Nacos cluster; `discovery` and `config` inherit the keys that they do not set. */
export interface ConnectionSettings {
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
