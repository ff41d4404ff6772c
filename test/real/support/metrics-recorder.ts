import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setPriority } from 'node:os'
import { createInterface } from 'node:readline'
import type { ActuatorExchange, MicrometerRecord } from '../../support/micrometer.js'
import { Unavailable } from '../servers/unavailable.js'

const START_WITHIN_MS = 120_000
const JVM = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dfile.encoding=UTF-8']
const HISTOGRAMS = [
  '--management.metrics.distribution.percentiles-histogram.http.server.requests=true',
  '--management.metrics.distribution.slo.http.client.requests=100ms,1s',
]

type Question = Omit<ActuatorExchange, 'answer'>

const get = (path: string, more: Partial<Question> = {}): Question => ({ method: 'GET', path, ...more })
const level = (body: string, more: Partial<Question> = {}): Question => ({
  ...{ method: 'POST', path: '/actuator/loggers/metrics', body, contentType: 'application/json' },
  ...more,
})

const QUESTIONS: Readonly<Record<string, Question>> = {
  prometheus: get('/actuator/prometheus'),
  'prometheus head': get('/actuator/prometheus', { method: 'HEAD' }),
  'prometheus post': get('/actuator/prometheus', { method: 'POST', body: '', contentType: 'application/json' }),
  openmetrics: get('/actuator/prometheus', { accept: 'application/openmetrics-text; version=1.0.0; charset=utf-8' }),
  index: get('/actuator'),
  info: get('/actuator/info'),
  metrics: get('/actuator/metrics'),
  'server requests': get('/actuator/metrics/http.server.requests'),
  'server requests by tag': get('/actuator/metrics/http.server.requests?tag=status:200&tag=uri:/users/%7Bid%7D'),
  'server requests, no such tag': get('/actuator/metrics/http.server.requests?tag=status:999'),
  'server requests, wrong tag': get('/actuator/metrics/http.server.requests?tag=bogus'),
  'client requests': get('/actuator/metrics/http.client.requests'),
  uptime: get('/actuator/metrics/process.uptime'),
  'no such metric': get('/actuator/metrics/nope'),
  'no such page': get('/actuator/nope'),
  logger: get('/actuator/loggers/metrics'),
  'root logger': get('/actuator/loggers/ROOT'),
  'no such logger': get('/actuator/loggers/no.such.logger'),
  'level set': level('{"configuredLevel":"DEBUG"}'),
  'logger after that': get('/actuator/loggers/metrics'),
  'level in small letters': level('{"configuredLevel":"warn"}'),
  'level reset': level('{"configuredLevel":null}'),
  'level left out': level('{}'),
  'no such level': level('{"configuredLevel":"LOUD"}'),
  'level that is a number': level('{"configuredLevel":5}'),
  'not JSON': level('x'),
  'level as text': level('{"configuredLevel":"DEBUG"}', { contentType: 'text/plain' }),
}

/** Starts the Spring app, lets it serve and call, and asks its actuator. */
export async function recordMetrics(classPath: string): Promise<MicrometerRecord> {
  const plain = await record(classPath, [], QUESTIONS)
  const { prometheus } = QUESTIONS
  const { histogram } = await record(classPath, HISTOGRAMS, { histogram: prometheus! })
  return { ...plain, openmetrics: requestsOf(plain['openmetrics']!), histogram: requestsOf(histogram!) }
}

async function record(
  classPath: string,
  args: readonly string[],
  questions: Readonly<Record<string, Question>>,
): Promise<MicrometerRecord> {
  const child = spawn('java', [...JVM, '-cp', classPath, 'metrics.Portal', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: START_WITHIN_MS,
    killSignal: 'SIGKILL',
  })
  const failed = once(child, 'error').then(([error]: NodeJS.ErrnoException[]) => {
    throw error!.code === 'ENOENT' ? new Unavailable('java is not installed', 'java') : error
  })
  failed.catch(() => {})
  try {
    const port = await Promise.race([failed, portOf(child.stdout)])
    setPriority(child.pid!, 10)
    const url = `http://127.0.0.1:${port}`
    await serveSome(url)
    const answers: Record<string, ActuatorExchange> = {}
    for (const [name, question] of Object.entries(questions)) answers[name] = await ask(url, question)
    return answers
  } finally {
    child.kill('SIGKILL')
  }
}

async function portOf(output: NodeJS.ReadableStream): Promise<number> {
  for await (const line of createInterface(output)) {
    const [, port] = /^READY (\d+)$/.exec(line) ?? []
    if (port !== undefined) return Number(port)
  }
  throw new Error('the Spring app ended before it was ready')
}

async function serveSome(url: string): Promise<void> {
  for (const path of ['/users/1', '/users/2', '/missing', '/broken', '/bad', '/calls'])
    await (await fetch(url + path)).arrayBuffer()
  for (const method of ['POST', 'DELETE']) await (await fetch(`${url}/users`, { method })).arrayBuffer()
}

async function ask(url: string, question: Question): Promise<ActuatorExchange> {
  const { method, path, body, accept } = question
  const response = await fetch(url + path, {
    method,
    headers: { ...(accept && { accept }), ...(question.contentType && { 'content-type': question.contentType }) },
    ...(body && { body }),
  })
  const text = await response.text()
  // The port is another one each time.
  const shown = text.replaceAll(url, 'http://portal')
  const contentType = response.headers.get('content-type')
  return { ...question, answer: { status: response.status, contentType, body: shown } }
}

/** Of a second page only what differs from the first one: the figures of requests. */
function requestsOf({ answer, ...question }: ActuatorExchange): ActuatorExchange {
  const lines = answer.body
    .split('\n')
    .filter((line) => /^(# \w+ )?http_(server|client)_requests_seconds|^# EOF/.test(line))
  return { ...question, answer: { ...answer, body: `${lines.join('\n')}\n` } }
}
