import { startChild, type Child } from './child.js'

const APP = new URL('../fixtures/apps/hooked-app.mjs', import.meta.url)

export interface HookedAppOptions {
  /** What a user would write between `createSidecar` and `listen`: it sees `sidecar` and `say(type, more)`. */
  readonly hooks: string
  /** Of the section `sidecar`. @default no drain */
  readonly sidecar?: object
  readonly wrapper?: readonly string[]
}

/** A plain server on the built package that stays for its signal, with hooks; it crashes on the message `crash`. */
export function hookedApp(
  registry: { readonly address: string },
  { hooks, sidecar = { drain: 0 }, wrapper }: HookedAppOptions,
): Child {
  return startChild(APP, {
    env: { REGISTRY: registry.address, HOOKS: hooks, SIDECAR: JSON.stringify(sidecar) },
    ...(wrapper && { wrapper }),
  })
}
