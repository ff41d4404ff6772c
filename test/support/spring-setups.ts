import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DevServer, DevServerOptions } from 'nacos-sidecar/testing'

/** Where a set-up is a folder: `setup.json`, `app/` with the files of the service, `nacos/`, `answers.json`. */
export const SETUPS = fileURLToPath(new URL('../fixtures/spring', import.meta.url))

/** How a key is asked for: as text, with a type, or as a field of `@ConfigurationProperties` (`bind`). */
export const KINDS = [
  ...(['text', 'int', 'double', 'boolean', 'list', 'map'] as const),
  ...(['bind', 'bind-int', 'bind-boolean'] as const),
] as const

export type Kind = (typeof KINDS)[number]

export type Asks = Partial<Record<Kind, readonly string[]>>

/** One start of the service with these files. */
export interface SpringRun {
  /** What is special about it. */
  readonly title?: string
  readonly env?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  readonly ask: Asks
  /** Asked after the documents of `changed/` were published and `until` has come true. */
  readonly after?: Asks
  readonly until?: { readonly key: string; readonly value: string }
}

export interface SpringSetup {
  readonly title: string
  /** The versions of Spring Cloud Alibaba that all give the recorded answers. */
  readonly alibaba: readonly string[]
  readonly auth?: DevServerOptions['auth']
  readonly runs: Readonly<Record<string, SpringRun>>
}

/** A value as JSON has it; `null`: there is none; `{ refused: true }`: it cannot be read so. */
export type Answer = string | number | boolean | null | readonly string[] | Readonly<Record<string, string | boolean>>

/** By the question: `text server.port`. */
export type Answers = Readonly<Record<string, Answer>>

/** The answers of one run. */
export interface RunAnswers {
  readonly ask: Answers
  readonly after?: Answers
}

export type SetupAnswers = Readonly<Record<string, RunAnswers>>

export function setupNames(): string[] {
  return readdirSync(SETUPS)
    .filter((name) => existsSync(join(SETUPS, name, 'setup.json')))
    .sort()
}

export function readSetup(name: string): SpringSetup {
  return JSON.parse(readFileSync(join(SETUPS, name, 'setup.json'), 'utf8')) as SpringSetup
}

export function readAnswers(name: string): SetupAnswers {
  const file = join(SETUPS, name, 'answers.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as SetupAnswers) : {}
}

/** Every question of an `ask`, as `answers.json` names it. */
export function questionsOf(asks: Asks): { question: string; kind: Kind; key: string }[] {
  return KINDS.flatMap((kind) => (asks[kind] ?? []).map((key) => ({ question: `${kind} ${key}`, kind, key })))
}

/** Copies the service's files: a run may write beside them. */
export function copyApp(name: string, folder: string): void {
  cpSync(join(SETUPS, name, 'app'), folder, { recursive: true })
}

/** Publishes `nacos/` or `changed/`, one file a document below `namespace/GROUP/`, in the order of their names. */
export function publishDocuments(name: string, folder: 'nacos' | 'changed', registry: DevServer): void {
  const root = join(SETUPS, name, folder)
  if (!existsSync(root)) return
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(root, path)).isFile(),
  )
  for (const path of files.sort()) {
    const [namespace = '', group = '', dataId = ''] = relative('.', path).split(sep)
    registry.configs.publish({ namespace, group, dataId, content: readFileSync(join(root, path), 'utf8') })
  }
}

/** What every run's environment holds beside its own: where the registry is, as the files spell it. */
export function registryVariables({ host, port }: DevServer): Record<string, string> {
  return { NACOS_HOST: host, NACOS_PORT: String(port) }
}
