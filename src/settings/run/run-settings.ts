/**
 * How a value of a row becomes settings. `seconds`: a bare number is seconds; `500ms` and `2m` are read as well.
 * `list`: given again, it adds to the list. `pairs`: `name=value`, given again for each name. `switch`: `true` or `false`.
 */
export type RunValue = 'text' | 'list' | 'pairs' | 'number' | 'seconds' | 'switch'

/**
 * One row of the table behind `nacos-sidecar run`: its flag, its variables, its field of nacos.yaml, and the setting that
 * all of them set. Flags, help, docs/command-line.md, nacos.schema.json and the tests are made from it.
 */
export interface RunSetting {
  /** Of the flag, without the dashes. @default no flag: a secret has no place on a command line */
  readonly flag?: string
  /** Variables of the environment, the first one the strongest. */
  readonly env: readonly string[]
  /** In nacos.yaml, below `nacos:` or at the top. */
  readonly field: string
  /** Key of bootstrap.yml. */
  readonly setting: string
  /** Keys that a flag and a variable set too: sections that would hide the first one. */
  readonly also?: readonly string[]
  readonly takes: RunValue
  /** Shown for the value in the help. */
  readonly placeholder?: string
  /** Of a switch: what the setting becomes. @default `true` and `false` themselves */
  readonly on?: string
  readonly off?: string
  /** Of a switch: true without the flag, so that the help shows its `--no-…`. */
  readonly byDefault?: boolean
  /** Of a switch: another value may be given in place of `true`. */
  readonly orValue?: true
  readonly en: string
  readonly zh: string
}

const sections = (key: string) => ({
  setting: `cloud.nacos.${key}`,
  also: [`cloud.nacos.discovery.${key}`, `cloud.nacos.config.${key}`],
})

/** A later row is the stronger where two have one setting. */
export const RUN_SETTINGS: readonly RunSetting[] = [
  {
    ...{ flag: 'nacos-server', env: ['NACOS_SERVER'], field: 'server', ...sections('server-addr') },
    ...{ takes: 'list', placeholder: 'host:port' },
    en: 'Address of Nacos. Given again, it adds a node.',
    zh: 'Nacos 地址。重复给出时，每次添加一个节点。',
  },
  {
    ...{ flag: 'namespace', env: ['NACOS_NAMESPACE'], field: 'namespace', ...sections('namespace') },
    ...{ takes: 'text', placeholder: 'id' },
    en: 'Namespace id.',
    zh: '命名空间 ID。',
  },
  {
    ...{ flag: 'username', env: ['NACOS_USERNAME'], field: 'username', ...sections('username') },
    ...{ takes: 'text', placeholder: 'name' },
    en: 'User name for the login.',
    zh: '登录用户名。',
  },
  {
    ...{ env: ['NACOS_PASSWORD'], field: 'password', ...sections('password') },
    ...{ takes: 'text' },
    en: 'Password for the login. It has no flag: other users of the machine can read a command line.',
    zh: '登录密码。没有对应的参数，因为同一台机器上的其他用户能看到命令行。',
  },
  {
    ...{ flag: 'service-name', env: ['NACOS_SERVICE_NAME'], field: 'service.name' },
    ...{ setting: 'cloud.nacos.discovery.service', takes: 'text', placeholder: 'name' },
    en: 'Name of the service. Without it, `application.name`, then the name in package.json.',
    zh: '服务名。没有设置时使用 `application.name`，再使用 package.json 中的 name。',
  },
  {
    ...{ flag: 'service-port', env: ['NACOS_SERVICE_PORT'], field: 'service.port' },
    ...{ setting: 'cloud.nacos.discovery.port', takes: 'number', placeholder: 'port' },
    en: 'Registered port. Without it, the port that the app really listens on.',
    zh: '注册的端口。没有设置时使用应用实际监听的端口。',
  },
  {
    ...{ flag: 'service-ip', env: ['NACOS_SERVICE_IP'], field: 'service.ip' },
    ...{ setting: 'cloud.nacos.discovery.ip', takes: 'text', placeholder: 'ip' },
    en: 'Registered address or host name. Without it, or with `auto`, the first private address.',
    zh: '注册的地址或主机名。没有设置或为 `auto` 时使用第一个内网地址。',
  },
  {
    ...{ flag: 'service-group', env: ['NACOS_SERVICE_GROUP'], field: 'service.group' },
    ...{ setting: 'cloud.nacos.discovery.group', takes: 'text', placeholder: 'group' },
    en: 'Group of the service.',
    zh: '服务分组。',
  },
  {
    ...{ flag: 'service-cluster', env: ['NACOS_SERVICE_CLUSTER'], field: 'service.cluster' },
    ...{ setting: 'cloud.nacos.discovery.cluster-name', takes: 'text', placeholder: 'cluster' },
    en: 'Nacos cluster of the instance.',
    zh: '实例所在的 Nacos 集群。',
  },
  {
    ...{ flag: 'service-weight', env: ['NACOS_SERVICE_WEIGHT'], field: 'service.weight' },
    ...{ setting: 'cloud.nacos.discovery.weight', takes: 'number', placeholder: 'number' },
    en: 'Weight: the share of calls relative to the other instances.',
    zh: '权重，即相对于其他实例分到的调用比例。',
  },
  {
    ...{ flag: 'metadata', env: ['NACOS_METADATA'], field: 'service.metadata' },
    ...{ setting: 'cloud.nacos.discovery.metadata', takes: 'pairs', placeholder: 'name=value' },
    en: 'Metadata of the instance. Give the flag again for each name; a variable has commas between the pairs.',
    zh: '实例的元数据。每一项各写一次该参数；在环境变量中，各项之间用逗号分隔。',
  },
  {
    ...{ flag: 'auto-register', env: ['NACOS_AUTO_REGISTER'], field: 'registration.auto_register' },
    ...{ setting: 'cloud.nacos.discovery.register-enabled', takes: 'switch', byDefault: true },
    en: 'Register the instance. Without it the process only calls other services.',
    zh: '注册实例。关闭该开关后，进程只调用其他服务。',
  },
  {
    ...{ flag: 'register-on-request', env: ['NACOS_REGISTER_ON_REQUEST'], field: 'registration.register_on_request' },
    ...{ setting: 'sidecar.register-on', takes: 'switch', on: 'request', off: 'listen' },
    en: 'Register when the first request is answered. Health probes, preflights and refused requests do not count.',
    zh: '响应第一个请求时注册。健康检查、CORS 预检请求和被拒绝的请求不算。',
  },
  {
    ...{ flag: 'register-on-startup', env: ['NACOS_REGISTER_ON_STARTUP'], field: 'registration.register_on_startup' },
    ...{ setting: 'sidecar.register-on', takes: 'switch', on: 'listen', off: 'request', byDefault: true },
    en: 'Register as soon as the app listens; stronger than `register-on-request`. Without both, the app calls `sidecar.register()`.',
    zh: '应用开始监听时立即注册；优先于 `register-on-request`。两者都关闭时，由应用调用 `sidecar.register()`。',
  },
  {
    ...{ flag: 'retry-times', env: ['NACOS_RETRY_TIMES'], field: 'registration.retry_times' },
    ...{ setting: 'sidecar.register-retries', takes: 'number', placeholder: 'number' },
    en: 'How often a failed first registration is tried again; then the app serves without being registered, and an error is logged. Without it, again and again for ever.',
    zh: '首次注册失败后的重试次数；用完后，应用在未注册的状态下继续提供服务，并记录一条错误日志。没有设置时一直重试。',
  },
  {
    ...{ flag: 'retry-interval', env: ['NACOS_RETRY_INTERVAL'], field: 'registration.retry_interval' },
    ...{ setting: 'sidecar.register-retry-interval', takes: 'seconds', placeholder: 'seconds' },
    en: 'Pause between two of those tries. Without it, 1 to 2 s, then 2 to 4 s.',
    zh: '两次尝试之间的间隔。没有设置时为 1 至 2 秒，之后 2 至 4 秒。',
  },
  {
    ...{ flag: 'heartbeat-interval', env: ['NACOS_HEARTBEAT_INTERVAL'], field: 'heartbeat.interval' },
    ...{ setting: 'cloud.nacos.discovery.heart-beat-interval', takes: 'seconds', placeholder: 'seconds' },
    en: 'Pause between heartbeats.',
    zh: '心跳间隔。',
  },
  {
    ...{ flag: 'heartbeat-timeout', env: ['NACOS_HEARTBEAT_TIMEOUT'], field: 'heartbeat.timeout' },
    ...{ setting: 'cloud.nacos.beat-timeout', takes: 'seconds', placeholder: 'seconds' },
    en: 'Deadline of one heartbeat; then the next node is tried.',
    zh: '单次心跳的超时时间；超时后改用下一个节点。',
  },
  {
    ...{ flag: 'graceful-shutdown', env: ['NACOS_GRACEFUL_SHUTDOWN'], field: 'shutdown.graceful' },
    ...{ setting: 'sidecar.drain', takes: 'switch', on: 'auto', off: '0', byDefault: true },
    en: 'Go on serving after the deregistration until callers have gone. Without it, close at once.',
    zh: '注销后继续提供服务，直到调用方不再调用。关闭该开关后，立即停机。',
  },
  {
    ...{ flag: 'shutdown-timeout', env: ['NACOS_SHUTDOWN_TIMEOUT'], field: 'shutdown.timeout' },
    ...{ setting: 'sidecar.leave-timeout', takes: 'seconds', placeholder: 'seconds' },
    en: 'Longest duration of the whole shutdown.',
    zh: '整个停机过程的最长时间。',
  },
  {
    ...{ flag: 'deregister-on-exit', env: ['NACOS_DEREGISTER_ON_EXIT'], field: 'shutdown.deregister' },
    ...{ setting: 'sidecar.deregister-on-exit', takes: 'switch', byDefault: true },
    en: 'Deregister when the process ends. Without it, Nacos removes the instance after its last heartbeat.',
    zh: '进程结束时注销。关闭该开关后，由 Nacos 在最后一次心跳之后剔除实例。',
  },
  {
    ...{ flag: 'empty-protection', env: ['NACOS_EMPTY_PROTECTION', 'NACOS_ENABLE_EMPTY_PROTECTION'] },
    ...{ field: 'discovery.empty_protection', setting: 'sidecar.empty-protection' },
    ...{ takes: 'switch', on: '30s', off: '0', byDefault: true, orValue: true, placeholder: 'true|false|duration' },
    en: 'Keep the old list for a while if Nacos suddenly returns no instances; a duration says how long.',
    zh: 'Nacos 突然返回空列表时暂时保留旧列表；可以给出保留的时长。',
  },
  {
    ...{ flag: 'log-level', env: ['NACOS_LOG_LEVEL'], field: 'logging.level' },
    ...{ setting: 'logging.level.nacos-sidecar', takes: 'text', placeholder: 'level' },
    en: 'Level of the sidecar’s log: debug, info, warn, error or silent.',
    zh: 'sidecar 的日志级别：debug、info、warn、error 或 silent。',
  },
  {
    ...{ flag: 'log-file', env: ['NACOS_LOG_FILE'], field: 'logging.file' },
    ...{ setting: 'sidecar.log-file', takes: 'text', placeholder: 'file' },
    en: 'File to which log lines are appended too.',
    zh: '日志同时追加到的文件。',
  },
]
