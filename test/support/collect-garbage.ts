import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Unreferenced objects are gone after it: a timeout that only an `AbortSignal.any` knows of, on Node 20. */
export const collectGarbage = runInNewContext('gc') as () => void
