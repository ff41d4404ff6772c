import type { AboutApp } from './actuator/info-page.js'
import type { MetricsRegistry } from './actuator/prometheus-page.js'
import type { Verify } from './auth/verifier.js'
import { SidecarError } from './errors.js'
import type { StartContext, StopContext } from './lifecycle/hooks.js'
import type { Logger } from './logger.js'
import type { NacosTransport } from './nacos/transport.js'
import type { StatsReporter } from './observe/reporting.js'
import type { Sidecar } from './sidecar.js'
import { unknownOption, type OptionNames } from './util/unknown-option.js'

/** What `initSidecar` and `createSidecar` take beside the app. */
export interface SidecarOptions {
  /**
   * bootstrap.yml, or the folder it lies in; `false` reads none.
   * @default SIDECAR_CONFIG, then the working directory, then the folder of the main script's package.json
   */
  readonly configPath?: string | false
  /** Settings from code, nested or dotted, in any spelling: stronger than everything else. */
  readonly settings?: object
  /** Where log lines go: anything with `debug`, `info`, `warn`, `error`. @default one readable line per event to stderr, at `logging.level.nacos-sidecar` */
  readonly logger?: Logger
  /** Decides on tokens in code instead of asking `auth.service`. */
  readonly verify?: Verify
  /** Another way to the registry than HTTP. Closed with the sidecar. */
  readonly transport?: NacosTransport
  /** Gets the figures of each `sidecar.observe.period`, beside the event `period`. */
  readonly statsReporter?: StatsReporter
  /** A registry of prom-client whose metrics are on `/actuator/prometheus` too. @default prom-client's own `register` */
  readonly metricsRegistry?: MetricsRegistry
  /** `false` leaves SIGTERM and SIGINT to you: call `stop()` yourself. @default true */
  readonly signals?: boolean
  /**
   * What is done before the registration, one after the other: as `sidecar.onStart`, which has timeouts too.
   *
   * @example
   * await initSidecar(app, { onStart: [connectToDatabase, loadPrices], onStop: closeDatabase })
   */
  readonly onStart?: SidecarHook<StartContext> | readonly SidecarHook<StartContext>[]
  /** What is done at a stop, in reverse order: as `sidecar.onStop`, which has timeouts too. */
  readonly onStop?: SidecarHook<StopContext> | readonly SidecarHook<StopContext>[]
}

/** A hook among the options, where there is no `sidecar` yet; its promise is awaited. */
export type SidecarHook<Context> = (context: Context & { readonly sidecar: Sidecar }) => unknown

/** What the ways in add to a user's options. */
export interface SidecarInternals {
  /** `config()` and clients made with `new` look here. */
  readonly processWide?: boolean
  /** Of a service object: its version goes into the metadata of the instance, both into `/actuator/info`. */
  readonly about?: AboutApp | undefined
}

export const SIDECAR_OPTIONS: OptionNames<SidecarOptions> = {
  ...{ configPath: true, settings: true, logger: true, verify: true, transport: true, statsReporter: true },
  ...{ metricsRegistry: true, signals: true, onStart: true, onStop: true },
}

/** No error, as it was ignored before: a service must not fail to start for it. */
export function warnOfUnknownOptions(options: SidecarOptions & SidecarInternals, logger: Logger): void {
  const { processWide: _, about: __, ...given } = options
  const unknown = unknownOption(given, SIDECAR_OPTIONS)
  if (unknown !== undefined)
    logger.warn(`initSidecar(), createSidecar(): there is ${unknown}. Settings belong into the option settings`)
}

/**
 * The hooks among the options.
 *
 * @throws SidecarError `SIDECAR_HOOK_INVALID`
 */
export function readHooks(options: SidecarOptions): { addTo(sidecar: Sidecar): void } {
  const [onStart, onStop] = [hooksOf('onStart', options.onStart), hooksOf('onStop', options.onStop)]
  return {
    addTo(sidecar) {
      for (const hook of onStart) sidecar.onStart(({ signal }) => hook({ signal, sidecar }), optionsOf(hook))
      for (const hook of onStop) {
        // `killed` may change while the hook runs.
        const withSidecar = (context: StopContext) => ({
          signal: context.signal,
          get killed() {
            return context.killed
          },
          sidecar,
        })
        sidecar.onStop((context) => hook(withSidecar(context)), optionsOf(hook))
      }
    },
  }
}

const optionsOf = ({ name }: { readonly name: string }) => (name ? { name } : {})

function hooksOf<Hook>(option: string, given: Hook | readonly Hook[] = []): readonly Hook[] {
  const hooks = (Array.isArray(given) ? given : [given]) as readonly Hook[]
  if (hooks.every((hook) => typeof hook === 'function')) return hooks
  throw new SidecarError('SIDECAR_HOOK_INVALID', `the option ${option} is a function or a list of functions`)
}

/** @throws SidecarError `SIDECAR_HOOK_INVALID` */
export function checkReporter(reporter: StatsReporter | undefined): void {
  if (!reporter || typeof (reporter as Partial<StatsReporter>).report === 'function') return
  throw new SidecarError('SIDECAR_HOOK_INVALID', 'the option statsReporter has no method report(period, { signal })')
}
