import { defineErrorClass, messageOf, SidecarError, type SidecarErrorCode } from '../errors.js'
import { isObject } from '../util/is-object.js'

/** An error as Nameko writes it into a reply. */
export interface NamekoErrorFields {
  /** Name of its class, such as `ValueError`. */
  readonly excType: string
  /**
   * Module and name of the class. A Python caller gets an instance of it where its service has marked the class with
   * `deserialize_to_instance`, else a `RemoteError`. @default the name of the class
   */
  readonly excPath?: string
  /** What a Python caller gives to the constructor of the class. @default the value alone, if it is not empty */
  readonly excArgs?: readonly unknown[]
  /** Its text. @default '' */
  readonly value?: string
}

/**
 * What a call of a Nameko service failed with: an error of the service itself (`SIDECAR_NAMEKO_REMOTE`), or one that Nameko's own
 * client raises: `UnknownService` (`SIDECAR_NO_INSTANCE`), `RpcTimeout` (`SIDECAR_CALL_TIMEOUT`). A handler may throw one to
 * choose what its caller sees.
 *
 * @example
 * try {
 *   await greeting.hello('Ada')
 * } catch (error) {
 *   if (error instanceof NamekoRemoteError && error.excType === 'MethodNotFound') …
 * }
 */
export class NamekoRemoteError extends SidecarError {
  readonly excType: string
  readonly excPath: string
  readonly excArgs: readonly unknown[]
  readonly value: string

  constructor(
    { excType, value = '', excPath = excType, excArgs = value === '' ? [] : [value] }: NamekoErrorFields,
    { where, code = 'SIDECAR_NAMEKO_REMOTE' }: { readonly where?: string; readonly code?: SidecarErrorCode } = {},
  ) {
    super(code, [where, excType, value].filter(Boolean).join(': '))
    this.excType = excType
    this.excPath = excPath
    this.excArgs = excArgs
    this.value = value
  }
}
defineErrorClass(NamekoRemoteError, 'NamekoRemoteError', 'nacos-sidecar.nameko-error')

/** Names of Nameko's own errors (`nameko.exceptions`). */
type OwnName =
  | 'MalformedRequest'
  | 'MethodNotFound'
  | 'IncorrectSignature'
  | 'UnknownService'
  | 'UnserializableValueError'
  | 'RpcTimeout'

/** One of Nameko's own. A Python caller gets the instance itself of the first three. */
export function ownError(
  name: OwnName,
  value: string,
  fields: { readonly excArgs?: readonly unknown[]; readonly where?: string; readonly code?: SidecarErrorCode } = {},
): NamekoRemoteError {
  const { excArgs, ...options } = fields
  const excPath = `nameko.exceptions.${name}`
  return new NamekoRemoteError({ excType: name, excPath, value, ...(excArgs && { excArgs }) }, options)
}

/** The error of a reply. */
export interface WireError {
  readonly exc_type: string
  readonly exc_path: string
  readonly exc_args: readonly unknown[]
  readonly value: string
}

/** What a handler has thrown, for the reply. */
export function wireErrorOf(error: unknown): WireError {
  if (error instanceof NamekoRemoteError) {
    return {
      ...{ exc_type: error.excType, exc_path: error.excPath, value: error.value },
      exc_args: error.excArgs.map(safeValue),
    }
  }
  const name = error instanceof Error && typeof error.name === 'string' && error.name !== '' ? error.name : 'Error'
  const value = messageOf(error)
  return { exc_type: name, exc_path: name, exc_args: value === '' ? [] : [value], value }
}

/** @param where `{service}.{method}` */
export function remoteErrorOf(error: unknown, where: string): NamekoRemoteError {
  const fields = isObject(error) ? error : {}
  const { exc_type: type, exc_path: path, exc_args: args, value } = fields
  return new NamekoRemoteError(
    {
      excType: typeof type === 'string' ? type : 'Exception',
      ...(typeof path === 'string' && { excPath: path }),
      ...(Array.isArray(args) && { excArgs: args }),
      value: textOf(value),
    },
    { where },
  )
}

/** Nameko writes an error that can be iterated over as a list. */
function textOf(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** As Nameko's `safe_for_serialization`: what JSON cannot hold becomes text. */
function safeValue(value: unknown): unknown {
  try {
    return JSON.stringify(value) === undefined ? String(value) : value
  } catch {
    return messageOf(value)
  }
}
