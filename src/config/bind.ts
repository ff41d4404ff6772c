import { isDeepStrictEqual } from 'node:util'
import { SidecarError } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import { issueText, type StandardIssue, type StandardSchema } from '../util/standard-schema.js'
import { createSubscription, type Subscription } from '../util/subscription.js'
import { Listeners } from '../util/listeners.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import { parsePath, type PropertyPath } from '../properties/path.js'
import { frozenCopy, javaInput, relaxedInput, type Frozen } from './relaxed-input.js'
import { isSecret } from '../properties/secrets.js'
import type { PropertyStore } from '../properties/store.js'

/** Which part of the properties is bound. */
export interface BindOptions {
  /** What lies below this key, in any spelling. @default '' for everything */
  readonly prefix?: string
}

/** A bound value that has changed. */
export interface ViewChange<T> {
  readonly value: Frozen<T>
  readonly previous: Frozen<T>
}

/** What a schema makes of the properties, live. Disposing of it ends that: `current` then stays as it is. */
export interface ConfigView<T> extends Disposable, AsyncDisposable {
  /** The last value the schema accepted; another object after each change. */
  readonly current: Frozen<T>
  /** Calls back when `current` has changed. */
  on(event: 'change', listener: (change: ViewChange<T>) => unknown): Subscription
}

const OPTIONS: OptionNames<BindOptions> = { prefix: true }

/** The views of `config.bind`. */
export class ConfigBindings {
  private readonly all = new Set<Pick<Binding<never>, 'update'>>()

  constructor(
    private readonly store: PropertyStore,
    private readonly logger: Logger,
    private readonly emit: Emit,
  ) {}

  /** @param instead in use while the first value is refused; without it that is an error */
  add<T>(schema: StandardSchema<T>, options: BindOptions = {}, instead?: Frozen<T>): ConfigView<T> {
    refuseUnknown(options, OPTIONS, (why) => new SidecarError('SIDECAR_CONFIG_INVALID', `config.bind(): ${why}`))
    const { prefix = '' } = options
    const binding = new Binding(schema, prefix, this.store, this.logger, this.emit, instead)
    this.all.add(binding)
    const end = createSubscription(() => this.all.delete(binding))
    return {
      get current() {
        return binding.current
      },
      on: (_event, listener) => binding.listen(listener),
      [Symbol.dispose]: end[Symbol.dispose],
      [Symbol.asyncDispose]: end[Symbol.asyncDispose],
    }
  }

  /** Brings every view up to date. @returns what is to be announced once all are. */
  update(): (() => void)[] {
    return [...this.all].map((binding) => binding.update()).filter((news) => news !== undefined)
  }
}

class Binding<T> {
  current: Frozen<T>
  private readonly name: string
  private readonly path: PropertyPath
  private readonly listeners: Listeners<ViewChange<T>>
  /** Problems that the log has already. */
  private refused: string | undefined

  constructor(
    private readonly schema: StandardSchema<T>,
    prefix: string,
    private readonly store: PropertyStore,
    private readonly logger: Logger,
    private readonly emit: Emit,
    instead?: Frozen<T>,
  ) {
    this.path = parsePath(prefix)
    this.name = prefix || 'the bound configuration'
    this.listeners = new Listeners({ name: this.name, logger })
    try {
      this.current = this.read()
    } catch (error) {
      const refusal = error as SidecarError // read() throws nothing else
      if (instead === undefined) {
        const early = store.remoteReady
          ? ''
          : '. The configuration of Nacos is not loaded yet: await sidecar.ready first'
        throw new SidecarError('SIDECAR_CONFIG_INVALID', refusal.message + early)
      }
      this.current = instead
      this.refused = refusal.message
      this.reject(refusal)
    }
  }

  listen(listener: (change: ViewChange<T>) => unknown): Subscription {
    return this.listeners.add(listener)
  }

  /** @returns the change, to be reported when every other view is up to date too. */
  update(): (() => void) | undefined {
    let value: Frozen<T>
    try {
      value = this.read()
    } catch (error) {
      const refusal = error as SidecarError // read() throws nothing else
      if (this.refused === refusal.message) return undefined
      this.refused = refusal.message
      return () => this.reject(refusal)
    }
    const accepted = this.refused !== undefined
    this.refused = undefined
    const previous = this.current
    const changed = !isDeepStrictEqual(value, previous)
    if (changed) this.current = value
    if (!accepted && !changed) return undefined
    return () => {
      if (accepted) this.emit('configAccepted', { source: this.name })
      if (changed) this.listeners.emit({ value, previous })
    }
  }

  private reject(error: SidecarError): void {
    this.logger.error(`${error.message}. The previous value stays in use`)
    this.emit('configRejected', { source: this.name, error })
  }

  private read(): Frozen<T> {
    const result = this.validate()
    if (result instanceof Promise) {
      result.catch(() => {})
      throw this.invalid('the schema is asynchronous; bind() needs a synchronous one')
    }
    if (result.issues) throw this.invalid(result.issues.map((issue) => this.shown(issue)).join('; '))
    return frozenCopy(result.value)
  }

  private validate() {
    try {
      const { validate } = this.schema['~standard']
      const result = validate(relaxedInput(this.store, this.path))
      if (result instanceof Promise || !result.issues) return result
      // Spring would have converted: a schema does not reveal the type that it expects.
      const refused = result.issues.map(({ path = [] }) => path.map((part) => keyOf(part)))
      const other = javaInput(this.store, this.path, refused)
      const again = other === undefined ? result : validate(other)
      return again instanceof Promise || again.issues ? result : again
    } catch (error) {
      throw this.invalid(`the schema threw ${error instanceof Error ? error.name : 'something'}`)
    }
  }

  private invalid(why: string): SidecarError {
    return new SidecarError('SIDECAR_CONFIG_INVALID', `${this.name} does not match the schema: ${why}`)
  }

  /** Some libraries quote the value they refuse. */
  private shown(issue: StandardIssue): string {
    const keys = (issue.path ?? []).map((part) => String(keyOf(part)))
    return issueText(isSecret([...this.path, ...keys]) ? { ...issue, message: 'is refused' } : issue)
  }
}

function keyOf(part: NonNullable<StandardIssue['path']>[number]): string | number {
  const key = typeof part === 'object' ? part.key : part
  return typeof key === 'number' ? key : String(key)
}
