import { SidecarError } from '../errors.js'
import type { AnyMethod, CheckMethod } from './check.js'
import { addLegacyCall, fieldOf, methodOf, rememberField, standOnPrototype, withCalls } from './client-class.js'
import { ClientDefinition, createCaller, describeClient } from './client.js'
import type { Verb } from './bind.js'
import type { ClientOptions, MethodOptions } from './options.js'

/**
 * What `@get('/users/{id}')` is: TC39 decorator of a field or a method, or TypeScript's older `experimentalDecorators`.
 * The compiler checks the member against the path in each form.
 */
export interface VerbDecorator<V extends Verb, Path extends string> {
  <Method extends AnyMethod>(
    value: undefined,
    context: MemberContext<'field', Method> & CheckMethod<V, Path, Method>,
  ): (this: object, initial: Method) => Method
  <Method extends AnyMethod>(
    value: Method,
    context: MemberContext<'method', Method> & CheckMethod<V, Path, Method>,
  ): Method
  <Target extends object, Key extends keyof Target>(
    target: Target & CheckMethod<V, Path, Target[Key]>,
    key: Key,
    descriptor?: TypedPropertyDescriptor<Target[Key]>,
  ): void
}

/** The part of TC39's decorator context that holds the kind and the type of a member. */
interface MemberContext<Kind extends 'field' | 'method', Member> {
  readonly kind: Kind
  readonly access: { get(object: never): Member }
}

type AnyClass = abstract new (...args: never) => object

/** What `@feign(…)` is, in both modes. */
export interface ClientDecorator {
  <Class extends AnyClass>(target: Class, context: ClassDecoratorContext<Class>): void
  <Class extends AnyClass>(target: Class): Class
}

/**
 * Makes a class a typed client of a service.
 *
 * @param target name of the service (`group@@name` for another group), or options
 * @throws SidecarError `SIDECAR_CLIENT_INVALID` without both `name` and `url`
 *
 * @example
 * export @feign('user-service') class Users { @get('/users/{id}') byId!: (p: { id: string }) => Promise<User> }
 * const user = await new Users().byId({ id: '1' })
 */
export function feign(target: string | ClientOptions): ClientDecorator {
  const definition = new ClientDefinition(typeof target === 'string' ? { name: target } : target)
  const decorate = (target: AnyClass, context?: ClassDecoratorContext) => {
    if (context === undefined) return withCalls(target, definition)
    describeClient(target.prototype as object, definition)
    standOnPrototype(target.prototype as object, context.metadata)
    return undefined
  }
  return decorate as ClientDecorator
}

/** `@get('/users/{id}')`: a GET call. See {@link feign}. */
export const get = verb('GET')
/** `@post('/users')`: a POST call. See {@link feign}. */
export const post = verb('POST')
/** `@put('/users/{id}')`: a PUT call. See {@link feign}. */
export const put = verb('PUT')
/** `@patch('/users/{id}')`: a PATCH call. See {@link feign}. */
export const patch = verb('PATCH')
/** `@del('/users/{id}')`: a DELETE call. See {@link feign}. */
export const del = verb('DELETE')
/** `@head('/users/{id}')`: a HEAD call, giving `{ status, headers }`. See {@link feign}. */
export const head = verb('HEAD')

function verb<V extends Verb>(verb: V) {
  return <const Path extends string>(path: Path, options: MethodOptions = {}): VerbDecorator<V, Path> => {
    const decorate = (value: unknown, second: unknown, descriptor?: PropertyDescriptor) => {
      const context =
        typeof second === 'object' && second !== null && 'kind' in second ? (second as DecoratorContext) : undefined
      const property = (context?.name ?? second) as PropertyKey
      if (typeof value === 'function' && context === undefined) throwInvalidDecorator(property, 'is static')
      const caller = createCaller({ verb, path, options }, String(property))
      if (context === undefined) return addLegacyCall(value as object, property, caller, descriptor)
      if (context.kind === 'field' && !context.static) {
        rememberField(context, caller)
        return fieldOf(caller, property)
      }
      if (context.kind === 'method' && !context.static) return methodOf(caller)
      return throwInvalidDecorator(
        property,
        context.kind === 'field' || context.kind === 'method' ? 'is static' : `is of the kind ${context.kind}`,
      )
    }
    return decorate as unknown as VerbDecorator<V, Path>
  }
}

function throwInvalidDecorator(property: PropertyKey, why: string): never {
  throw new SidecarError(
    'SIDECAR_CLIENT_INVALID',
    `${String(property)} ${why}: a call is an instance field or method of a @feign class`,
  )
}
