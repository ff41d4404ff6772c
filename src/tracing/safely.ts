/** A processor, a sampler or a propagator of the SDK that throws must not end what it traces. */
export function safely<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
