/** The one value of a key, made where it is first asked for. */
export function sharedBy<Key, Value>(all: Map<Key, Value>, key: Key, create: () => Value): Value {
  let found = all.get(key)
  if (found === undefined) all.set(key, (found = create()))
  return found
}
