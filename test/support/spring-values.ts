import { isDeepStrictEqual } from 'node:util'
import { type Config, createSidecar, type Sidecar, SidecarError } from 'nacos-sidecar'
import { startDevServer } from 'nacos-sidecar/dev-server'
import { messageOf } from '../../src/errors.js'
import { collectLog } from './collect.js'
import {
  publishDocuments,
  questionsOf,
  registryVariables,
  SETUPS,
  type Answer,
  type Answers,
  type Asks,
  type Kind,
  type RunAnswers,
  type SpringSetup,
} from './spring-setups.js'
import { join } from 'node:path'

/** How long a change that was published may take; it is waited for only where the answers are not Spring's. */
const CHANGED_WITHIN_MS = 5_000

/** What this library answers in one run of a set-up: the same files, variables, arguments and documents. */
export async function ourAnswers(
  name: string,
  setup: SpringSetup,
  title: string,
  springs: RunAnswers | undefined,
): Promise<RunAnswers> {
  const { env, args, ask, after } = setup.runs[title]!
  const registry = await startDevServer(setup.auth ? { auth: setup.auth } : {})
  let sidecar: Sidecar | undefined
  try {
    publishDocuments(name, 'nacos', registry)
    const app = join(SETUPS, name, 'app')
    try {
      sidecar = startedAs(app, { ...registryVariables(registry), ...env }, args ?? [])
      await sidecar.ready
    } catch (error) {
      const failed = `the start failed: ${error instanceof SidecarError ? error.code : messageOf(error)}`
      return { ask: allThe(failed, ask), ...(after && { after: allThe(failed, after) }) }
    }
    const answers = answersOf(sidecar.config, ask)
    if (!after) return { ask: answers }
    publishDocuments(name, 'changed', registry)
    return { ask: answers, after: await changedAnswers(sidecar.config, after, springs?.after) }
  } finally {
    await sidecar?.stop({ drain: false })
    await registry.stop()
  }
}

/** A sidecar as a process of its own would start it, with this folder, environment and command line. */
function startedAs(folder: string, env: Record<string, string>, args: readonly string[]): Sidecar {
  const before = { env: process.env, argv: process.argv, cwd: process.cwd() }
  try {
    process.env = { PATH: before.env['PATH'], HOME: before.env['HOME'], SIDECAR_SNAPSHOT_DIR: 'off', ...env }
    process.argv = [process.execPath, join(folder, 'main.js'), ...args]
    process.chdir(folder)
    return createSidecar({ signals: false, logger: collectLog() })
  } finally {
    process.env = before.env
    process.argv = before.argv
    process.chdir(before.cwd)
  }
}

async function changedAnswers(config: Config, after: Asks, springs: Answers | undefined): Promise<Answers> {
  const deadline = performance.now() + CHANGED_WITHIN_MS
  for (;;) {
    const answers = answersOf(config, after)
    if (isDeepStrictEqual(answers, springs) || performance.now() > deadline) return answers
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function allThe(answer: Answer, asks: Asks): Answers {
  return Object.fromEntries(questionsOf(asks).map(({ question }) => [question, answer]))
}

function answersOf(config: Config, asks: Asks): Answers {
  return Object.fromEntries(questionsOf(asks).map(({ question, kind, key }) => [question, answer(config, kind, key)]))
}

function answer(config: Config, kind: Kind, key: string): Answer {
  try {
    return read(config, kind, key)
  } catch {
    return { refused: true }
  }
}

function read(config: Config, kind: Kind, key: string): Answer {
  switch (kind) {
    case 'text':
    case 'bind':
      return config.get(key, undefined) ?? null
    case 'int':
    case 'bind-int':
    case 'double': {
      const value = config.get(key, NaN)
      return Number.isNaN(value) ? null : value
    }
    case 'boolean':
    case 'bind-boolean': {
      const value = config.get(key, true)
      return value === config.get(key, false) ? value : null
    }
    case 'list': {
      const none = ['']
      const value = config.get(key, none)
      return value === none ? null : value
    }
    case 'map': {
      const none = {}
      const value = config.get(key, none)
      return value === none ? null : flat(value)
    }
  }
}

/** A map of texts as Spring binds one: what is nested has a dotted name. */
function flat(value: object, prefix = ''): Record<string, string> {
  const pairs = Object.entries(value).flatMap(([name, inner]): [string, string][] => {
    const path = Array.isArray(value) ? `${prefix}[${name}]` : prefix === '' ? name : `${prefix}.${name}`
    if (inner === undefined) return []
    return typeof inner === 'object' && inner !== null
      ? Object.entries(flat(inner as object, path))
      : [[path, String(inner ?? '')]]
  })
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)))
}
