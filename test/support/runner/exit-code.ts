import { afterEach, beforeEach } from 'vitest'

// The files of a worker share its process. A start that failed, or a command, sets the exit code, sometimes after its test.
const reset = () => void (process.exitCode = undefined)
beforeEach(reset)
afterEach(reset)
