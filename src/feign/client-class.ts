import type { AnyMethod } from './check.js'
import { describeClient, isDescribed, type Caller, type ClientDefinition } from './client.js'

type AnyClass = abstract new (...args: never) => object
/** `undefined` for a call that a method of a subclass stands in place of. */
type Calls = ReadonlyMap<PropertyKey, Caller | undefined>

/** Calls of a class under `experimentalDecorators`, by the prototype they were written on. */
const legacyCalls = new WeakMap<object, Map<PropertyKey, Caller>>()
/** Fields that are calls, by the metadata of their class: that is all a field's decorator knows of it. */
const fieldCalls = new WeakMap<object, Map<PropertyKey, Caller>>()

/** The calls behind functions on prototypes. */
const callers = new WeakMap<object, Caller>()

/** A method's body is never run: the call takes its place on the prototype. */
export function methodOf(caller: Caller): AnyMethod {
  const method = function (this: object, ...args: readonly unknown[]) {
    return caller(this, args)
  }
  callers.set(method, caller)
  return method
}

/** A field is the instance's own function, so that `const { getUser } = client` works. */
export function fieldOf(caller: Caller, property: PropertyKey) {
  return function (this: object): AnyMethod {
    return ofSubclass(this, property, caller) ?? ((...args: readonly unknown[]) => caller(this, args))
  }
}

/** What a subclass has of the name wins: a field would hide it. */
function ofSubclass(instance: object, property: PropertyKey, caller: Caller): AnyMethod | undefined {
  for (let prototype = parentOf(instance); prototype; prototype = parentOf(prototype)) {
    const own = Object.getOwnPropertyDescriptor(prototype, property)?.value as unknown
    if (typeof own === 'function') return callers.get(own) === caller ? undefined : (own as AnyMethod)
    if (isDescribed(prototype)) return undefined
  }
  return undefined
}

function parentOf(object: object): object | null {
  return Object.getPrototypeOf(object) as object | null
}

// --- standard decorators ---

export function rememberField(context: DecoratorContext, caller: Caller): void {
  const metadata = context.metadata as object | undefined
  if (metadata === undefined) return
  const calls = fieldCalls.get(metadata) ?? new Map<PropertyKey, Caller>()
  fieldCalls.set(metadata, calls.set(context.name!, caller))
}

/** A compiler that leaves out fields without a value, and what their decorators made of them, finds the calls here. */
export function standOnPrototype(prototype: object, metadata: object | undefined): void {
  for (const [property, caller] of (metadata && fieldCalls.get(metadata)) ?? []) {
    if (Object.hasOwn(prototype, property)) continue
    const method = function (this: object, ...args: readonly unknown[]) {
      return (nearestField(this, property) ?? caller)(this, args)
    }
    callers.set(method, caller)
    define(prototype, property, method, false)
  }
}

/** Where compilers hang the metadata of a class: esbuild does so where the language has no symbol for it yet, too. */
const METADATA = (Symbol as { metadata?: symbol }).metadata ?? Symbol.for('Symbol.metadata')

/** A subclass without @feign has nothing on its prototype. */
function nearestField(client: object, property: PropertyKey): Caller | undefined {
  for (let of = client.constructor as object | null; typeof of === 'function'; of = parentOf(of)) {
    const metadata = Object.getOwnPropertyDescriptor(of, METADATA)?.value as object | undefined
    const caller = metadata && fieldCalls.get(metadata)?.get(property)
    if (caller !== undefined) return caller
  }
  return undefined
}

// --- experimentalDecorators ---

/** The descriptor that Babel and swc hand to the decorator of a field, and make the field of. */
interface FieldDescriptor extends PropertyDescriptor {
  initializer?: unknown
}

export function addLegacyCall(
  prototype: object,
  property: PropertyKey,
  caller: Caller,
  descriptor?: FieldDescriptor,
): void {
  if (typeof descriptor?.value === 'function') {
    descriptor.value = methodOf(caller)
    return
  }
  const calls = legacyCalls.get(prototype) ?? new Map<PropertyKey, Caller>()
  legacyCalls.set(prototype, calls.set(property, caller))
  if (descriptor !== undefined && 'initializer' in descriptor) {
    descriptor.initializer = function (this: object) {
      return fieldOf(caller, property).call(this)
    }
  }
  // A class without its @feign fails with this error.
  define(prototype, property, methodOf(caller), false)
}

/**
 * The class with its calls as fields of each instance: those nearest to the class that is made, so that what a subclass
 * has of its own wins.
 */
export function withCalls(base: AnyClass, definition: ClientDefinition): AnyClass {
  const Base = base as unknown as new (...args: readonly unknown[]) => object
  class Client extends Base {
    constructor(...args: readonly unknown[]) {
      super(...args)
      const made = new.target.prototype as object
      const calls = callsOf(made)
      for (const [property, caller] of calls) {
        // A field that hides a method of the subclass.
        if (caller === undefined) delete this[property as keyof this]
        // The class's own, or that of a class above, which has been through here.
        else if (!Object.hasOwn(this, property) || typeof this[property as keyof this] !== 'function')
          define(this, property, fieldOf(caller, property).call(this), true)
      }
      return hasCallsBelow(made) ? keepingCalls(this, calls) : this
    }
  }
  Object.defineProperty(Client, 'name', { value: base.name, configurable: true })
  describeClient(Client.prototype, definition)
  clients.add(Client.prototype)
  return Client
}

const callsByPrototype = new WeakMap<object, Calls>()

/** The calls that instances of a class have: of each name the nearest, unless a method nearer has that name. */
function callsOf(made: object): Calls {
  const known = callsByPrototype.get(made)
  if (known !== undefined) return known
  const calls = new Map<PropertyKey, Caller | undefined>()
  const seen = new Set<PropertyKey>()
  for (let prototype: object | null = made; prototype; prototype = Object.getPrototypeOf(prototype) as object | null) {
    const own = legacyCalls.get(prototype)
    for (const property of Reflect.ownKeys(prototype)) {
      const caller = own?.get(property)
      if (caller !== undefined && !calls.has(property)) calls.set(property, seen.has(property) ? undefined : caller)
      seen.add(property)
    }
  }
  callsByPrototype.set(made, calls)
  return calls
}

const clients = new WeakSet<object>()

/** A subclass without @feign has calls of its own: there is no constructor of ours that runs after its fields. */
function hasCallsBelow(made: object): boolean {
  for (let prototype = made; !clients.has(prototype); prototype = Object.getPrototypeOf(prototype) as object)
    if (legacyCalls.has(prototype)) return true
  return false
}

/** With useDefineForClassFields the fields of such a subclass are then defined as `undefined`, over its calls. */
function keepingCalls<T extends object>(instance: T, calls: Calls): T {
  return new Proxy(instance, {
    defineProperty(target, property, descriptor) {
      if (calls.get(property) !== undefined && 'value' in descriptor && descriptor.value === undefined) return true
      return Reflect.defineProperty(target, property, descriptor)
    },
  })
}

function define(target: object, property: PropertyKey, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, property, { value, writable: true, configurable: true, enumerable })
}
