/** A registry that runs and that a suite may be run on. */
export interface RealServer {
  /** For people: `Nacos 2.2.4`. */
  readonly name: string
  /** `host:port` */
  readonly server: string
  readonly username?: string
  readonly password?: string
}

export interface StartedServer extends RealServer {
  stop(): Promise<void>
}

/** Short enough that a test can outlive a token; too short for the Java client, whose peer waits until it logs in again. */
export const TOKEN_TTL_SECONDS = 8
