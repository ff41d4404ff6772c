import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Readable, type Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { currentContext } from '../context.js'
import { LogicalCall } from '../http/logical-call.js'
import { HOP_BY_HOP } from '../util/header-rules.js'
import { LONGEST_TIMER_MS } from '../util/longest-timer.js'
import { answer, cut } from './answer.js'
import { failureOf } from './failure.js'
import { hostOf } from './forwarded.js'
import type { Line, Passed } from './line.js'
import { passedBody } from './request-body.js'
import { requestHeaders } from './request-headers.js'
import { copyHeaders, type RawHeaders } from './response-headers.js'
import { mapResponseHeader } from './response-paths.js'
import { servicePath } from './service-path.js'

type Controller = Dispatcher.DispatchController & { readonly rawHeaders?: RawHeaders | null }

/**
 * One request that is passed on, and the response to it. The instance, the attempts and what is reported of them are those
 * of a call by logical name; here bytes go from one side to the other, as fast as the slower side takes them.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  private controller: Controller | undefined
  private call: LogicalCall | undefined
  /** The response has its end, or will have none. */
  private over = false
  /** Why nothing more is wanted of the instance. */
  private reason: Error | undefined
  private timer: NodeJS.Timeout | undefined
  private bytes = false
  private body: Readable | undefined

  constructor(
    private readonly line: Line,
    private readonly passed: Passed,
  ) {}

  start(): void {
    const { request, response } = this.passed
    response.once('close', this.onClientGone)
    try {
      const call = this.createCall(request)
      this.startTimer(this.line.timeoutMs)
      call.start()
    } catch (error) {
      this.fail(error)
    }
  }

  private createCall(request: IncomingMessage): LogicalCall {
    const { line, passed } = this
    const { target, runtime, service } = line
    const exposed = target.url !== undefined && !target.forwards
    const { body, remade } = passedBody(request, passed.parsed, this.onUpload)
    if (body instanceof Readable) this.body = body
    const withoutTokens = exposed ? line.tokens : undefined
    const facts = { prefix: passed.prefix, hasBody: body !== null, withoutTokens, remade }
    const options: Dispatcher.DispatchOptions = {
      path: servicePath(line, passed, exposed),
      method: (request.method ?? 'GET') as Dispatcher.HttpMethod,
      headers: requestHeaders(request, line.headerRules, facts),
      body,
      headersTimeout: 0,
      bodyTimeout: 0,
      ...(passed.upgrade && { upgrade: request.headers.upgrade ?? 'websocket' }),
    }
    const context = exposed ? undefined : currentContext()
    const more = { service, retryStatuses: true }
    return (this.call = new LogicalCall(runtime, target, false, options, this, context, more))
  }

  // --- undici, in the order in which it calls ---

  onRequestStart(controller: Controller): void {
    this.controller = controller
    if (this.reason !== undefined) controller.abort(this.reason)
  }

  onRequestUpgrade(controller: Controller, status: number, { upgrade }: IncomingHttpHeaders, socket: Duplex): void {
    const asked = this.passed.request.headers.upgrade
    if (String(upgrade).toLowerCase() !== asked?.toLowerCase()) {
      socket.destroy()
      return this.fail(new Error('it switched to another protocol than the client has asked for'))
    }
    this.end()
    this.passed.upgrade!(socket, status, controller.rawHeaders ?? [])
  }

  onResponseStart(controller: Controller, status: number, headers: IncomingHttpHeaders, text?: string): void {
    const { response } = this.passed
    if (status < 200) return this.passHints(status, headers)
    try {
      copyHeaders(response, status, controller.rawHeaders ?? [], this.mapping())
      if (text && response.req.httpVersionMajor < 2 && SENDABLE.test(text)) response.writeHead(status, text)
      else response.writeHead(status)
    } catch (error) {
      return void this.abort(error as Error)
    }
    // An event stream is silent for as long as it likes.
    this.startTimer(isEventStream(headers['content-type']) ? Infinity : this.line.idleTimeoutMs)
    // The first piece of the body goes with the head; where there is none yet, the head goes alone.
    process.nextTick(flushHead, this)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.bytes = true
    this.timer?.refresh()
    const { response } = this.passed
    if (response.write(chunk)) return
    controller.pause()
    response.once('drain', () => controller.resume())
  }

  onResponseEnd(_: Controller, trailers: IncomingHttpHeaders): void {
    if (this.over) return
    const { response } = this.passed
    this.end()
    for (const name in trailers) if (!HOP_BY_HOP.has(name)) response.addTrailers({ [name]: String(trailers[name]) })
    response.end()
    this.dropRest()
  }

  onResponseError(_: Controller, error: Error): void {
    this.fail(error)
  }

  flush(): void {
    if (!this.bytes && !this.over) this.passed.response.flushHeaders()
  }

  // --- the ends ---

  private end(): void {
    this.over = true
    clearTimeout(this.timer)
    this.passed.response.off('close', this.onClientGone)
  }

  private fail(error: unknown): void {
    if (this.over) return
    this.end()
    const { line, passed } = this
    const { request, response } = passed
    if (isClientGone(this.reason)) return
    const { status, error: failure } = failureOf(line.service, error)
    line.onFailed(status, failure)
    // A part of a response must not look like the whole.
    if (response.headersSent) return cut(response)
    try {
      line.options.onError?.({ status, error: failure, service: line.service, request, response })
    } catch {
      // It has not answered.
    }
    if (!response.headersSent && !response.writableEnded) answer(response, status, failure)
    this.dropRest()
  }

  /** Nothing more is wanted of the instance. */
  private abort(reason: Error): void {
    this.reason ??= reason
    this.controller?.abort(reason)
    // Between two attempts there is nothing to abort.
    this.fail(reason)
  }

  private readonly onClientGone = () => this.abort(new DOMException('the client has gone', 'AbortError'))

  /** What the client still sends is read, so that it can read the response. */
  private dropRest(): void {
    const { request } = this.passed
    if (request.readableEnded) return
    this.body?.destroy()
    request.resume()
  }

  private readonly onUpload = () => void this.timer?.refresh()

  /** From now on the service may be silent for so long. */
  private startTimer(ms: number): void {
    clearTimeout(this.timer)
    this.timer = ms <= LONGEST_TIMER_MS ? setTimeout(onSilence, ms, this).unref() : undefined
  }

  onSilence(): void {
    // The client is the one that takes its time.
    if (this.controller?.paused) return void this.timer?.refresh()
    this.abort(new DOMException('no response in time', 'TimeoutError'))
  }

  private passHints(status: number, { link }: IncomingHttpHeaders): void {
    const { response } = this.passed
    if (status !== 103 || link === undefined || response.req.httpVersion === '1.0') return
    try {
      response.writeEarlyHints({ link })
    } catch {
      // Node takes fewer forms of links than others do.
    }
  }

  private mapping(): ((name: string, value: string) => string) | undefined {
    const { line, passed } = this
    const { rewriteResponse, rewrite = '' } = line.options
    if (!rewriteResponse || typeof rewrite !== 'string') return undefined
    const hosts = [this.call?.instance, hostOf(passed.request)?.toLowerCase()]
    return (name, value) => mapResponseHeader(name, value, { base: rewrite, prefix: passed.prefix, hosts })
  }
}

/** A reason phrase that Node would send. Of another one Node makes an error, and no client needs it. */
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]*$/

const flushHead = (exchange: Exchange) => exchange.flush()
const onSilence = (exchange: Exchange) => exchange.onSilence()

function isClientGone(reason: Error | undefined): boolean {
  return reason?.name === 'AbortError'
}

function isEventStream(contentType: unknown): boolean {
  return typeof contentType === 'string' && /^\s*text\/event-stream\b/i.test(contentType)
}
