import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDevServer } from 'nacos-sidecar/dev-server'
import type { DevServer } from 'nacos-sidecar/testing'
import {
  copyApp,
  publishDocuments,
  questionsOf,
  readSetup,
  registryVariables,
  type RunAnswers,
  type SetupAnswers,
  type SpringRun,
} from '../../support/spring-setups.js'
import { Unavailable } from '../servers/unavailable.js'

/** A start takes about 5 s on an idle core. */
const START_WITHIN_MS = 120_000

/** What a real Spring Boot with Spring Cloud Alibaba answers, for every run of a set-up. */
export async function recordSetup(name: string, classPath: string): Promise<SetupAnswers> {
  const { auth, runs } = readSetup(name)
  const answers: Record<string, RunAnswers> = {}
  for (const [title, run] of Object.entries(runs)) {
    const registry = await startDevServer(auth ? { auth } : {})
    try {
      publishDocuments(name, 'nacos', registry)
      answers[title] = await recordRun(name, run, classPath, registry)
    } catch (error) {
      if (error instanceof Unavailable) throw error
      throw new Error(`${name}, ${title}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      await registry.stop()
    }
  }
  return answers
}

async function recordRun(name: string, run: SpringRun, classPath: string, registry: DevServer): Promise<RunAnswers> {
  // The Nacos client keeps snapshots and logs in the home folder; this one is its own.
  const home = mkdtempSync(join(tmpdir(), 'nacos-sidecar-spring-'))
  const app = join(home, 'app')
  const asksFile = join(home, 'asks.json')
  const answersFile = join(home, 'answers.json')
  try {
    mkdirSync(app)
    copyApp(name, app)
    writeFileSync(asksFile, JSON.stringify({ ask: run.ask, after: run.after, until: run.until }))
    const jvm = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto', '-Dfile.encoding=UTF-8']
    const own = [`-Duser.home=${home}`, `-Drecorder.asks=${asksFile}`, `-Drecorder.answers=${answersFile}`]
    const child = spawn('java', [...jvm, ...own, '-cp', classPath, 'recorder.Recorder', ...(run.args ?? [])], {
      cwd: app,
      env: { PATH: process.env['PATH'], HOME: home, ...registryVariables(registry), ...run.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: START_WITHIN_MS,
      killSignal: 'SIGKILL',
    })
    // Whatever else runs on this machine goes first.
    if (child.pid !== undefined) setPriority(child.pid, 10)
    let output = ''
    child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk).slice(-8_000)))
    child.stdout.on('data', (chunk: Buffer) => {
      output = (output + chunk).slice(-8_000)
      if (/^ready$/m.test(chunk.toString())) publishDocuments(name, 'changed', registry)
    })
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) =>
        reject(error.code === 'ENOENT' ? new Unavailable('java is not installed', 'java') : error),
      )
      child.once('close', resolve)
    })
    if (code !== 0) throw new Error(`the Spring app ended with ${code}:\n${output}`)
    return inOrderOf(run, JSON.parse(readFileSync(answersFile, 'utf8')) as RunAnswers)
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** In the order of the questions, so that a diff of the file reads well. */
function inOrderOf({ ask, after }: SpringRun, answers: RunAnswers): RunAnswers {
  const sorted = (asks: SpringRun['ask'], given: RunAnswers['ask']) =>
    Object.fromEntries(questionsOf(asks).map(({ question }) => [question, given[question] ?? null]))
  return { ask: sorted(ask, answers.ask), ...(after && { after: sorted(after, answers.after ?? {}) }) }
}
