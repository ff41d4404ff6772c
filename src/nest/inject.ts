import { Inject, type FactoryProvider, type InjectionToken } from '@nestjs/common'
import type { Widen } from '../config/typed.js'
import { SidecarError } from '../errors.js'
import type { Sidecar } from '../sidecar.js'

/**
 * The token of the sidecar, for factories: `{ provide: DB, inject: [SIDECAR], useFactory: (sidecar: Sidecar) => … }`. It is
 * provided when the configuration of Nacos is loaded.
 */
export const SIDECAR: unique symbol = Symbol.for('nacos-sidecar/0:nest')

/** A class with `@feign` above it, or what `defineClient` returned. */
export type InjectableClient = (new () => object) | object

/** A value of the configuration where a constructor takes it. */
export interface LiveValue<T> {
  /** The present value: another one after a change in Nacos. */
  readonly current: T
}

/** What decorators ask for. Nest reads these lists when it scans the modules, which is after it has loaded their files. */
export const asked = { providers: [] as FactoryProvider[], tokens: [] as InjectionToken[] }

/** The token of each client that is no class. */
const tokens = new WeakMap<object, symbol>()

/**
 * Injects the sidecar.
 *
 * @example
 * constructor(@InjectSidecar() private readonly sidecar: Sidecar) {}
 */
export function InjectSidecar(): ParameterDecorator & PropertyDecorator {
  return inject(SIDECAR)
}

/**
 * Injects a typed client; nothing else has to be listed anywhere.
 *
 * @param client a class with `@feign` above it, or what `defineClient` returned
 * @throws SidecarError `SIDECAR_CLIENT_INVALID`, for what is neither when the app is made
 * @example
 * constructor(@InjectClient(UserClient) private readonly users: UserClient) {}
 */
export function InjectClient(client: InjectableClient): ParameterDecorator & PropertyDecorator {
  ask(clientProvider(client))
  return inject(getClientToken(client))
}

/**
 * The token of a client, to override it in a test: the class itself, a symbol for what `defineClient` returned.
 *
 * @throws SidecarError `SIDECAR_CLIENT_INVALID`
 * @example
 * Test.createTestingModule({ imports: [AppModule] }).overrideProvider(getClientToken(orders)).useValue({ byId })
 */
export function getClientToken(client: InjectableClient): InjectionToken {
  if (typeof client === 'function') return client
  if (typeof client !== 'object' || client === null) {
    throw new SidecarError(
      'SIDECAR_CLIENT_INVALID',
      `@InjectClient() got ${String(client)}: two files that import each other are the usual cause`,
    )
  }
  const token = tokens.get(client) ?? Symbol('a client of defineClient()')
  tokens.set(client, token)
  return token
}

/** Makes a client in Nest's container: its calls go through the sidecar of the app. */
export function clientProvider(client: InjectableClient): FactoryProvider {
  return {
    provide: getClientToken(client),
    inject: [SIDECAR],
    useFactory: (sidecar: Sidecar) => sidecar.client(client),
  }
}

/**
 * A property that always has the present value: the environment, else Nacos, else bootstrap.yml, else the default, which
 * also gives it its type. It is read-only, and not there yet in the constructor.
 *
 * @param key in any spelling
 * @throws SidecarError `SIDECAR_CONFIG_TYPE` when it is read, if the value cannot be made what the default is
 * @example
 * class PricesService { @Value('prices.limit', 100) private readonly limit!: number }
 */
export function Value<T = undefined>(key: string, fallback?: T): PropertyDecorator {
  return (target, property) => {
    // A field stands before a getter of the prototype. Nest sets injected properties when the fields are there, so it
    // sets one that makes the getter, on the instance.
    const source = `${String(property)}, which is @Value('${key}')`
    Object.defineProperty(target, source, {
      configurable: true,
      set(this: object, sidecar: Sidecar) {
        const get = () => sidecar.config.get(key, fallback)
        Object.defineProperty(this, property, { configurable: true, enumerable: true, get })
      },
    })
    inject(SIDECAR)(target, source)
  }
}

/**
 * `@Value` for a constructor: injects a {@link LiveValue}, whose `current` is the present value.
 *
 * @example
 * constructor(@InjectValue('db.pool', 10) private readonly pool: LiveValue<number>) {}
 */
export function InjectValue<T = undefined>(key: string, fallback?: T): ParameterDecorator & PropertyDecorator {
  const token = Symbol(key)
  ask({
    provide: token,
    inject: [SIDECAR],
    useFactory: (sidecar: Sidecar): LiveValue<Widen<T | undefined>> => ({
      get current() {
        return sidecar.config.get(key, fallback)
      },
    }),
  })
  return inject(token)
}

function ask(provider: FactoryProvider): void {
  if (asked.tokens.includes(provider.provide)) return
  asked.providers.push(provider)
  asked.tokens.push(provider.provide)
}

function inject(token: InjectionToken): ParameterDecorator & PropertyDecorator {
  return Inject(token) as ParameterDecorator & PropertyDecorator
}
