import { Worker } from 'node:worker_threads'
import type { PlainRequest } from '../nacos/transport.js'

// CommonJS text, so that no bundler has to ship a file for it.
const WORKER = `
const { workerData: { request, cells } } = require('node:worker_threads')
const { request: send } = require(request.url.startsWith('https:') ? 'node:https' : 'node:http')
const set = (cell, value) => {
  Atomics.store(cells, cell, value)
  Atomics.notify(cells, cell)
}
const done = (status) => {
  Atomics.store(cells, 1, status)
  set(0, 1)
}
set(2, 1)
const { url, body, tls, ...rest } = request
send(url, { ...rest, ...tls, agent: false })
  .on('response', (response) => response.resume().on('end', () => done(response.statusCode)))
  .on('error', () => done(0))
  .end(body)
`

/** Enough for a thread to start where a process has a hundredth of a core: it takes 50 ms of one. */
const START_MS = 5_000

/**
 * Sends one request and waits for its end, blocking: for the moments in which a process has no event loop any more.
 *
 * @param timeoutMs of the request: the time that its thread takes to start on a busy machine is not the registry's.
 * @returns the status, or `undefined` where none came in time.
 */
export function requestSync(request: PlainRequest, timeoutMs: number): number | undefined {
  const cells = new Int32Array(new SharedArrayBuffer(12))
  const worker = new Worker(WORKER, { eval: true, workerData: { request, cells }, execArgv: [], env: {} })
  worker.on('error', () => {})
  worker.unref()
  if (Atomics.wait(cells, 2, 0, START_MS) !== 'timed-out') Atomics.wait(cells, 0, 0, timeoutMs)
  void worker.terminate()
  return Atomics.load(cells, 1) || undefined
}
