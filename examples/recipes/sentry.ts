import type { Sidecar } from 'nacos-sidecar'

/** What of `import * as Sentry from '@sentry/node'` is used here. */
interface Sentry {
  withIsolationScope<R>(run: (scope: SentryScope) => R): R
  captureException(error: unknown): unknown
}
interface SentryScope {
  addEventProcessor(change: <E extends { tags?: object }>(event: E) => E): unknown
}

/** Each error that ends an event or a timer is sent to Sentry, and whatever Sentry gets says of which work it is. */
export function reportFailures(sidecar: Sidecar, sentry: Sentry): void {
  sidecar.around((work, next) =>
    sentry.withIsolationScope(async (scope) => {
      // When it is sent: the route of a request is not known before.
      scope.addEventProcessor((event) => {
        event.tags = { ...event.tags, 'work.kind': work.kind, 'work.name': work.name }
        return event
      })
      try {
        await next()
      } catch (error) {
        sentry.captureException(error)
        throw error
      }
    }),
  )
}
