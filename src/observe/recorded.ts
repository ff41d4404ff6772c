import { currentTraceId } from '../context.js'
import { codeOrNameOf, fieldOf } from '../errors.js'
import type { OperationKind, OperationOutcome } from './operation.js'
import type { Recorder } from './recorder.js'

/**
 * Runs the work, and writes it down as one operation when it has ended; a rejection is a failure, unless
 * `sidecar.observe.expected` names its code or status.
 *
 * @param judge what a result says against it: the code of a failure
 */
export async function recorded<T>(
  recorder: Recorder,
  kind: OperationKind,
  name: string,
  work: () => Promise<T>,
  judge: (result: T) => string | undefined = () => undefined,
): Promise<T> {
  if (!recorder.enabled) return work()
  const since = performance.now()
  const end = (outcome: OperationOutcome) =>
    recorder.record(kind, name, performance.now() - since, { ...outcome, traceId: currentTraceId() })
  try {
    const result = await work()
    const code = judge(result)
    end({ failed: code !== undefined && !recorder.isExpected(undefined, code), code })
    return result
  } catch (error) {
    end(failureOf(recorder, error))
    throw error
  }
}

/** What an error says of an operation: its code and its status, never its message, which may hold what was sent. */
export function failureOf(recorder: Recorder, error: unknown): OperationOutcome {
  const status = fieldOf(error, 'status')
  const facts = { code: codeOrNameOf(error), status: typeof status === 'number' ? status : undefined }
  return { failed: !recorder.isExpected(facts.status, facts.code), ...facts }
}
