import type { ContenderName } from '../contenders/contender.js'

/** What a child process is to do. */
export interface Job {
  readonly scenario: ScenarioName
  readonly contender: ContenderName
  readonly server: string
  readonly grpcPort?: number
  /** Keeps the names of this run apart from all others on the same registry. */
  readonly run: string
}

export type ScenarioName = 'registerToSeen' | 'publishToListener' | 'idle' | 'watched'

/** A measurement, or why there is none. */
export type Result<T> = T | { readonly notAvailable: string }

/** The part of a scenario that runs in a process of its own. `mark` tells the parent that the window opens, and closes. */
export type Scenario<T> = (job: Job, mark: () => void) => Promise<Result<T>>
