import { AsyncResource, executionAsyncResource } from 'node:async_hooks'

/** From this version of Node on, nothing of `nextTick` is lost in a collection. */
const FIRST_WITHOUT_NEED = 26

/** Of the class that is kept. */
let kept: object | undefined

/**
 * Keeps V8's hidden class of the objects that `process.nextTick` makes, one a call. Between two ticks there is no such object, so a full
 * collection drops their class; from then on each call of `nextTick` takes 0.3 to 0.5 µs more on Node 20 to 24, and a request takes five
 * or more. An object of that class which is never dropped prevents it. Where Node makes other objects, it does nothing.
 */
export function keepTickClass(): void {
  if (kept !== undefined || Number.parseInt(process.versions.node) >= FIRST_WITHOUT_NEED) return
  kept = {}
  const timer = setTimeout(() => {}, 0)
  clearTimeout(timer)
  const hasFrame = symbolsOf(timer).some(({ description }) => description === 'kAsyncContextFrame')
  if (!hasFrame) return keep(symbolsOf(new AsyncResource('tick')))
  // The symbol of a tick's frame is in ticks alone. Not for Node 20: once this is asked for, callbacks take a little longer.
  process.nextTick(() => keep(symbolsOf(executionAsyncResource())))
}

function symbolsOf(object: object): symbol[] {
  return Object.getOwnPropertySymbols(object)
}

/** The properties are added in the order that `nextTick` has: the class goes by it. */
function keep([id, trigger, frame]: readonly symbol[]): void {
  if (id === undefined || trigger === undefined) return
  const create = (value: unknown) =>
    frame === undefined
      ? { [id]: value, [trigger]: value, callback: value, args: value }
      : { [id]: value, [trigger]: value, [frame]: value, callback: value, args: value }
  // Another kind of value makes another class, until there is one for any value.
  kept = [1, 1.5, '', {}, undefined].map(create).at(-1)
}
