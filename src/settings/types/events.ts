// Written by `npm run schema` from ../schema.ts and ../schema/: change those.

/** The settings below `sidecar.events`. */
export interface EventsSettings {
  /** How long `bus.emit` waits for the confirm of the broker, and for a connection before. */
  readonly emitTimeout: number
  /** `true` sends the token of a request along in the headers of the events that its handler emits. A queue keeps it for as long as the event. */
  readonly forwardToken: boolean
  /** What becomes of an event whose handler fails, if the handler does not say so itself. */
  readonly retry: {
    /**
     * How often an event is delivered, the first time included; then it goes to the dead letters.
     * @default `spring.rabbitmq.listener.simple.retry.max-attempts` if that is enabled, else 3
     */
    readonly attempts?: number | undefined
    /**
     * Time before the second delivery.
     * @default `spring.rabbitmq.listener.simple.retry.initial-interval` if that is enabled, else 5 s
     */
    readonly delay?: number | undefined
    /**
     * Each further delay is so many times longer.
     * @default `spring.rabbitmq.listener.simple.retry.multiplier` if that is enabled, else 1
     */
    readonly factor?: number | undefined
    /**
     * Longest delay.
     * @default `spring.rabbitmq.listener.simple.retry.max-interval` if that is enabled, else 10 min
     */
    readonly maxDelay?: number | undefined
  }
  /**
   * Where events between services are carried: `amqp://user:password@host:5672/vhost`, or `memory:` for the memory of the process. It
   * is a secret if it has a password.
   * @default the broker of `spring.rabbitmq`
   */
  readonly url?: string | undefined
  /**
   * How many events a handler has in hand at the same time, if it does not say so itself.
   * @default `spring.rabbitmq.listener.simple.prefetch`, else 10
   */
  readonly concurrency?: number | undefined
}
