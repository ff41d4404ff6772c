/** The public surface: named exports, nothing else. */

export { createSidecar, initSidecar } from './process-sidecar.js'
export type { Sidecar } from './sidecar.js'
export type { SidecarHook, SidecarOptions } from './sidecar-options.js'
export type { SidecarStatus } from './sidecar-status.js'
export type { RequestEvent } from './observe/request-log.js'
export type { OperationKind, OperationSample, OperationStats, StatsPeriod } from './observe/operation.js'
export type { StatsReporter } from './observe/reporting.js'
export type { TracedOptions, TracedSpan } from './observe/traced.js'
export type {
  HookStatus,
  StartContext,
  StartHook,
  StartHookOptions,
  StopContext,
  StopHook,
  StopHookOptions,
  StopMoment,
} from './lifecycle/hooks.js'
export type { CronDates, TimerSchedule } from './timers/schedule.js'
export type { Timer, TimerContext, TimerOptions, TimerStatus, TimerWork } from './timers/timer.js'
export type { ProxyFailure } from './proxy/failure.js'
export type { ForwardedPolicy } from './proxy/forwarded.js'
export type { ProxyOptions } from './proxy/options.js'
export type {
  FastifyProxyHandler,
  FastifyProxyPlugin,
  FastifyReplyLike,
  FastifyScope,
  KoaProxy,
  NodeProxy,
  ServiceProxy,
} from './proxy/service-proxy.js'
export type { InstanceChange } from './registration/instance-change.js'
export type { Resource, ResourceOptions, ResourceStatus } from './lifecycle/resource.js'
export type { Discovery } from './calls/discovery.js'
export type { SidecarEvents } from './events.js'
export type {
  CallAttemptMessage,
  DiagnosticArea,
  DiagnosticMessages,
  GuardDecisionMessage,
  RegistryRequestMessage,
} from './diagnostics.js'

export { config, configLocal, configRemote } from './config/accessors.js'
export type { BindOptions, ConfigView, ViewChange } from './config/bind.js'
export type { Config } from './config/config.js'
export type { PropertyChange, PropertyListener } from './config/listeners.js'
export type { DocumentName, NewDocument, PublishOptions } from './config/publish.js'
export type { RemoteDocumentStatus } from './config/remote-document.js'
export type { PropertyExplanation } from './properties/explain.js'
export type {
  AlertSettings,
  AuthSettings,
  ConfigSettings,
  ConnectionSettings,
  DiscoverySettings,
  EjectionSettings,
  EventsSettings,
  FeignClientSettings,
  ManagementSettings,
  NacosSettings,
  ObserveSettings,
  Settings,
  SidecarSettings,
} from './settings/schema.js'

export { del, feign, get, head, patch, post, put } from './feign/decorators.js'
export { DELETE, defineClient, GET, HEAD, PATCH, POST, PUT } from './feign/define-client.js'
export type { BreakerOptions } from './calls/breaker.js'
export { FeignError } from './feign/errors.js'
export type { FeignRequest, FeignResponse, Interceptor } from './feign/interceptor.js'
export type { JsonCodec } from './feign/decode.js'
export type { QueryStyle } from './feign/query.js'
export type { CallOptions, ClientOptions } from './feign/options.js'

export { registerBalancer } from './balance/registry.js'
export type { Balancer, BalancerContext, BalancerFactory, Endpoint, Outcome, PickHint } from './balance/balancer.js'
export type { InstanceFilter } from './balance/filter.js'
export type { ServiceSnapshot } from './discovery/directory.js'
export type { ServiceChange, ServiceChanges, WatchOptions, WatchService } from './discovery/watch.js'
export type { Subscription } from './util/subscription.js'

export type { GuardDecision } from './auth/decision.js'
export type { Verify, VerifyRequest } from './auth/verifier.js'
export { currentContext, runWithContext, type RequestContext } from './context.js'

export { fromNacosSdk, type NacosSdkOptions } from './nacos/sdk.js'
export type { NacosTransport, TransportStatus } from './nacos/transport.js'
export type { ConfigItem, ConfigKey, Page, ServiceInstance, ServiceKey, ServiceNames, Unsubscribe } from './types.js'

export { SidecarError, type SidecarErrorCode } from './errors.js'
export { createLogger, type LogFields, type LogFormat, type Logger, type LogLevel } from './logger.js'
export type { LogEntry } from './logging.js'
export { currentWork } from './work/current-work.js'
export { every, type EveryOptions, type HandlerDecorator } from './work/every.js'
export type { Mounted, MountOptions } from './work/handlers.js'
export type { Around, AroundOptions } from './work/arounds.js'
export type { MessageWork, RequestWork, TimerRun, Work, WorkKind, WorkLocals } from './work/work.js'
