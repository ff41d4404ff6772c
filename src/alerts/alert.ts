/** One condition that a rule watches: it began, or it is over. Holds no secret. */
export interface Alert {
  readonly status: 'raised' | 'resolved'
  /** As the setting has it: `registry-lost`, `error-rate>5%/1m`. */
  readonly rule: string
  /** What the rule found: an instance, a data id; empty where there is only one. */
  readonly subject: string
  /** One sentence for people. */
  readonly message: string
  /** When the condition began. */
  readonly since: Date
  /** When this was raised, repeated or resolved. */
  readonly at: Date
}

/** The process that raises it. */
export interface AlertSource {
  /** `application.name`. */
  readonly service: string
  /** `host:port` as it is registered. @default none before the registration */
  readonly instance?: string | undefined
  /** Of the registry. */
  readonly namespace: string
}
