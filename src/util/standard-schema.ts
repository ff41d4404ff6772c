/** The part of the Standard Schema contract that validation needs: zod, valibot and arktype all have it. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
  }
}

export type StandardResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] }

export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** `items.0.price: expected number`. */
export function issueText({ message, path }: StandardIssue): string {
  const keys = (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part))
  return keys.length > 0 ? `${keys.join('.')}: ${message}` : message
}

/** Whether a value is a schema: an object, or a function as those of arktype. */
export const isSchema = (value: unknown): value is StandardSchema =>
  value !== null && (typeof value === 'object' || typeof value === 'function') && '~standard' in value

/** The first issues in one line. Some libraries quote the value they refuse. */
export function issuesText(issues: readonly StandardIssue[], max = 5): string {
  return issues.slice(0, max).map(issueText).join('; ')
}
