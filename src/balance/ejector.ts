import type { ServiceSnapshot } from '../discovery/directory.js'
import type { EjectionSettings } from '../settings/schema.js'
import type { ServiceInstance } from '../types.js'
import { addressOf } from './address.js'
import type { Endpoint, Outcome } from './balancer.js'

/** Hears of whom an ejector takes out and brings back. */
export interface EjectionListener {
  ejected(instance: ServiceInstance, forMs: number): void
  restored(instance: ServiceInstance): void
}

type State = 'in' | 'out' | 'due' | 'trying' | 'leaving'

/** An instance that failed of late, or that leaves. */
interface Patient {
  /** As the list has it now. */
  instance: ServiceInstance
  state: State
  /** Failures and refused connections in a row. */
  failures: number
  refused: number
  /** Ejections of late: each makes the next one longer. */
  ejections: number
  /** While due: since when. While in: when its ejections are forgotten. */
  atMs: number
  timer?: NodeJS.Timeout
}

/**
 * Takes instances of one service out that keep failing, each for a growing time; then one call tries it, and it is
 * restored or taken out again. Who leaves and says so is set aside as well. It learns from the calls alone and sends
 * nothing itself. What it knows hangs on addresses, so that a new list changes nothing for who is still there.
 */
export class Ejector {
  /** Changes with who is out: lists are made anew then, and a pick need not look at each instance. */
  version = 0
  /** Instances whose time is up, waiting for a call to try them. */
  due = 0
  private readonly patients = new Map<string, Patient>()
  private out = 0
  private leaving = 0
  private listed: readonly ServiceInstance[] = []

  constructor(
    private readonly settings: EjectionSettings,
    private readonly listener: EjectionListener,
  ) {}

  /**
   * Those that may be called: without those that leave, unless there is nobody else, as in the list that will come; and
   * without those that failed, unless too few would be left: many failures at once are not theirs.
   */
  admit(instances: readonly ServiceInstance[]): readonly ServiceInstance[] {
    if (this.out + this.leaving === 0) return instances
    const staying = this.without(instances, (state) => state === 'leaving')
    const all = staying.length === 0 ? instances : staying
    const fit = this.without(all, (state) => state !== 'in' && state !== 'leaving')
    const panic = fit.length === 0 || fit.length * 100 < all.length * this.settings.panicShare
    return panic ? all : fit
  }

  /** Hears how a call ended. Nearly all end well with nobody ill: that costs one comparison. */
  report(instance: ServiceInstance, outcome: Outcome): void {
    if (outcome === 'aborted' || (outcome === 'ok' && this.patients.size === 0) || !this.settings.enabled) return
    const address = addressOf(instance)
    const patient = this.patients.get(address)
    // It has shut its door: from now on it is one that failed.
    if (patient?.state === 'leaving' && outcome === 'never-connected') this.become(patient, 'in')
    if (patient !== undefined && patient.state !== 'in') return // an answer from before it was taken out
    if (outcome !== 'ok') return this.failed(patient ?? this.admitPatient(address, instance), outcome)
    if (patient === undefined) return
    patient.failures = patient.refused = 0
    if (patient.ejections === 0 || performance.now() > patient.atMs) this.patients.delete(address)
  }

  /**
   * It drains: for so long nobody is to come again. It answers as well as ever, so nobody need try it first, and it takes
   * no room from those that fail.
   */
  leave(instance: ServiceInstance, forMs: number): void {
    if (!this.settings.enabled) return
    const address = addressOf(instance)
    const known = this.patients.get(address)
    if (known === undefined && !this.listed.some((one) => addressOf(one) === address)) return // a late answer
    const patient = known ?? this.admitPatient(address, instance)
    if (patient.state !== 'in') return
    this.become(patient, 'leaving')
    patient.failures = patient.refused = 0
    // Should it come back to the same address, a registry that is down will not tell.
    patient.timer = setTimeout(() => this.become(patient, 'in'), Math.min(forMs, this.settings.maxTime)).unref()
  }

  /**
   * One of `instances` whose time is up, for one call. An idempotent call can be repeated elsewhere should the
   * instance still be ill; others try it only where none such has come for a while.
   */
  trial(
    instances: readonly ServiceInstance[],
    idempotent: boolean,
    exclude?: ReadonlySet<ServiceInstance>,
  ): Endpoint | undefined {
    for (const patient of this.patients.values()) {
      const { state, instance, atMs } = patient
      if (state !== 'due' || !(idempotent || performance.now() - atMs > this.settings.time)) continue
      if (exclude?.has(instance) || !instances.includes(instance)) continue
      this.become(patient, 'trying')
      // Whoever tries may never say how it ended (a body that nobody reads): somebody else gets a turn then.
      patient.timer = setTimeout(() => this.makeDue(patient), this.settings.maxTime).unref()
      return { instance, done: (outcome) => this.tried(patient, outcome) }
    }
    return undefined
  }

  /** Takes note of a new list; whoever left it, or is not to be called for the registry's own reasons, is forgotten. */
  update({ instances }: ServiceSnapshot): void {
    this.listed = instances
    if (this.patients.size === 0) return
    const now = new Map(instances.map((instance) => [addressOf(instance), instance]))
    for (const [address, patient] of this.patients) {
      const instance = now.get(address)
      if (instance !== undefined) {
        patient.instance = instance
        continue
      }
      this.patients.delete(address)
      this.become(patient, 'in')
    }
  }

  close(): void {
    for (const { timer } of this.patients.values()) clearTimeout(timer)
    this.patients.clear()
    this.out = this.leaving = this.due = 0
  }

  /** The same list where nobody is left out. */
  private without(
    instances: readonly ServiceInstance[],
    leftOut: (state: State) => boolean,
  ): readonly ServiceInstance[] {
    const rest = instances.filter((instance) => !leftOut(this.patients.get(addressOf(instance))?.state ?? 'in'))
    return rest.length === instances.length ? instances : rest
  }

  private admitPatient(address: string, instance: ServiceInstance): Patient {
    const patient: Patient = { instance, state: 'in', failures: 0, refused: 0, ejections: 0, atMs: 0 }
    this.patients.set(address, patient)
    return patient
  }

  private become(patient: Patient, state: State): void {
    clearTimeout(patient.timer)
    if ((patient.state === 'in') !== (state === 'in')) this.version++
    this.count(patient.state, -1)
    this.count(state, 1)
    patient.state = state
  }

  private count(state: State, by: 1 | -1): void {
    if (state === 'leaving') this.leaving += by
    else if (state !== 'in') this.out += by
    if (state === 'due') this.due += by
  }

  private failed(patient: Patient, outcome: Outcome): void {
    const { failures, connectFailures, maxShare } = this.settings
    patient.failures++
    if (outcome === 'never-connected') patient.refused++
    if (patient.failures < failures && patient.refused < connectFailures) return
    if ((this.out + 1) * 100 <= (this.listed.length - this.leaving) * maxShare) this.eject(patient)
  }

  private eject(patient: Patient): void {
    const { time, maxTime } = this.settings
    this.become(patient, 'out')
    // Jittered downwards: the clients of a service must not all come back to an instance at the same moment.
    const forMs = Math.round(Math.min(maxTime, time * 2 ** patient.ejections++) * (0.8 + Math.random() * 0.2))
    patient.timer = setTimeout(() => this.makeDue(patient), forMs).unref()
    this.listener.ejected(patient.instance, forMs)
  }

  private makeDue(patient: Patient): void {
    this.become(patient, 'due')
    patient.atMs = performance.now()
  }

  private tried(patient: Patient, outcome: Outcome): void {
    if (patient.state !== 'trying') return // it left the list meanwhile, or took too long
    if (outcome === 'aborted') {
      this.become(patient, 'due')
    } else if (outcome === 'ok') {
      this.become(patient, 'in')
      patient.failures = patient.refused = 0
      patient.atMs = performance.now() + this.settings.maxTime
      this.listener.restored(patient.instance)
    } else {
      this.eject(patient)
    }
  }
}
