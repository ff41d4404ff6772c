import type { Readable } from 'node:stream'
import type { HeaderInput } from './headers.js'
import type { Verb } from './bind.js'
import type { PathValue } from './template.js'

/**
 * Compile-time checks of a client's method against its path. A check is `unknown` where all is well (intersecting
 * with it changes nothing) and a `Problem` where it is not, so that the compiler's error shows the reason.
 */
export interface Problem<Reason extends string> {
  readonly 'nacos-sidecar': Reason
}

/** Any function, whatever it takes. */
export type AnyMethod = (...args: never) => unknown

/** `'/users/{id}/x/{y}'` → `['id', 'y']`. */
export type PathVariables<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? [Name, ...PathVariables<Rest>]
  : []

/** What is wrong with `Method` as a `V` of `Path`; `unknown` if nothing is. */
export type CheckMethod<V extends Verb, Path extends string, Method> = Method extends (
  ...args: infer Args
) => infer Result
  ? Result extends Promise<unknown>
    ? string extends Path
      ? unknown
      : CheckArguments<V, PathVariables<Path>, Args>
    : Problem<'the method must return a Promise'>
  : Problem<'the decorated member must be a function'>

type CheckArguments<V extends Verb, Variables extends string[], Args extends unknown[]> = Args extends [] | [undefined?]
  ? Variables extends []
    ? unknown
    : Problem<`the path needs {${Variables[0]}}: take it as the first argument or as a key of it`>
  : IsArgumentObject<Args> extends true
    ? CheckObject<V, Variables, NonNullable<Args[0]>>
    : CheckPositional<V, Variables, Args>

/** One argument that is an object and not a body by itself. */
type IsArgumentObject<Args extends unknown[]> = Args extends [unknown?]
  ? NonNullable<Args[0]> extends PathValue | RawBody | readonly unknown[]
    ? false
    : true
  : false

type RawBody = FormData | URLSearchParams | Blob | ArrayBuffer | ArrayBufferView | Readable | AsyncIterable<unknown>

type CheckObject<V extends Verb, Variables extends string[], Given> =
  Given extends Readonly<Record<Variables[number], PathValue>>
    ? KeepsMeaning<Given, ReservedKeys<V, Variables[number]>> extends true
      ? V extends 'POST' | 'PUT' | 'PATCH'
        ? Exclude<keyof Given, Variables[number] | Reserved> extends never
          ? unknown
          : Problem<`the key ${Exclude<keyof Given, Variables[number] | Reserved> & string} goes nowhere: use { body } for the body, { query } for the query`>
        : unknown
      : Problem<'body, headers, query, signal and timeoutMs have a fixed meaning (and GET and HEAD have no body)'>
    : Problem<`the first argument lacks ${MissingNames<Variables, Given>} of the path, or it is not text, number or boolean`>

/** Key by key: TypeScript takes an object that shares no key with an all-optional type for a mistake. */
type KeepsMeaning<Given, Meanings> = Pick<Given, keyof Given & keyof Meanings> extends Meanings ? true : false

type MissingNames<Variables extends string[], Given> = {
  [Name in Variables[number]]: Given extends Readonly<Record<Name, PathValue>> ? never : `{${Name}}`
}[Variables[number]]

type Reserved = 'body' | 'headers' | 'query' | 'signal' | 'timeoutMs'

type ReservedKeys<V extends Verb, Variable extends string> = Omit<
  {
    readonly body?: V extends 'GET' | 'HEAD' ? never : unknown
    readonly headers?: HeaderInput | undefined
    readonly query?: object | undefined
    readonly signal?: AbortSignal | undefined
    readonly timeoutMs?: number | undefined
  },
  Variable
>

type CheckPositional<V extends Verb, Variables extends string[], Args extends unknown[]> = Args extends [
  ...ValuesOf<Variables>,
  ...infer Rest,
]
  ? Rest extends [unknown?]
    ? V extends 'POST' | 'PUT' | 'PATCH'
      ? unknown
      : Rest extends [object?] | [undefined?] | [(object | undefined)?]
        ? unknown
        : Problem<'after the path variables there is room for a query object only'>
    : Problem<'too many arguments: the path variables, then one body (POST, PUT, PATCH) or one query object'>
  : Problem<`the first arguments must be the path variables, in order: ${Listed<Variables>}`>

type ValuesOf<Variables extends string[]> = { [Index in keyof Variables]: PathValue }

type Listed<Names extends string[]> = Names extends [infer First extends string, ...infer Rest extends string[]]
  ? Rest extends []
    ? First
    : `${First}, ${Listed<Rest>}`
  : ''
