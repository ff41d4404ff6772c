/**
 * Work that can be interrupted: each `yield` lets the event loop turn where the work has gone on for long, and a
 * yielded promise is waited for; what it comes to is the value of the `yield`.
 */
export type Sliced<T> = Generator<Promise<unknown> | undefined, T, unknown>

/** How long the event loop is kept in one go. */
const SLICE_MS = 8

/** In one go, for what is known to be small. @throws where the work waits for something. */
export function runAtOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
    if (step.value) throw new Error('this work cannot be done in one go')
  }
}

/** At once where it is short, else in slices between which the event loop turns. */
export function runInSlices<T>(work: Sliced<T>): T | Promise<T> {
  const until = performance.now() + SLICE_MS
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
    if (step.value || performance.now() > until) return goOn(work, step.value)
  }
}

/** All such work of the process together gets one slice a turn of the event loop. */
const waiting: (() => void)[] = []

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(takeTurn)
  })
}

function takeTurn(): void {
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(takeTurn)
}

async function goOn<T>(work: Sliced<T>, pending: Promise<unknown> | undefined): Promise<T> {
  for (;;) {
    let step: IteratorResult<Promise<unknown> | undefined, T>
    if (pending) {
      let result: unknown
      let failed = false
      try {
        result = await pending
      } catch (error) {
        failed = true
        result = error
      }
      step = failed ? work.throw(result) : work.next(result)
    } else {
      await nextTurn()
      step = work.next()
    }
    const until = performance.now() + SLICE_MS
    while (!step.done && !step.value && performance.now() <= until) step = work.next()
    if (step.done) return step.value
    pending = step.value
  }
}
