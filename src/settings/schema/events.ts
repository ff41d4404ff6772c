import { amount, durationMs, flag, integer, positiveMs, section, text } from '../kinds.js'

/** `sidecar.events`: read live, from Nacos too. */
export const events = section({
  /**
   * Where events between services are carried: `amqp://user:password@host:5672/vhost`, or `memory:` for the memory of the process. It
   * is a secret if it has a password. @default the broker of `spring.rabbitmq`
   */
  url: text.optional(),
  /**
   * How many events a handler has in hand at the same time, if it does not say so itself.
   * @default `spring.rabbitmq.listener.simple.prefetch`, else 10
   */
  concurrency: integer(1, 65_535).optional(),
  /** How long `bus.emit` waits for the confirm of the broker, and for a connection before. */
  emitTimeout: positiveMs.default(5_000),
  /** `true` sends the token of a request along in the headers of the events that its handler emits. A queue keeps it for as long as the event. */
  forwardToken: flag.default(false),
  /** What becomes of an event whose handler fails, if the handler does not say so itself. */
  retry: section({
    /**
     * How often an event is delivered, the first time included; then it goes to the dead letters.
     * @default `spring.rabbitmq.listener.simple.retry.max-attempts` if that is enabled, else 3
     */
    attempts: integer(1, 1_000_000).optional(),
    /** Time before the second delivery. @default `spring.rabbitmq.listener.simple.retry.initial-interval` if that is enabled, else 5 s */
    delay: durationMs.optional(),
    /** Each further delay is so many times longer. @default `spring.rabbitmq.listener.simple.retry.multiplier` if that is enabled, else 1 */
    factor: amount(1, 1_000).optional(),
    /** Longest delay. @default `spring.rabbitmq.listener.simple.retry.max-interval` if that is enabled, else 10 min */
    maxDelay: durationMs.optional(),
  }).prefault({}),
})
