import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { currentContext, runWithContext } from 'nacos-sidecar'
import { describe, expect, it } from 'vitest'
import { runInContext } from '../../../src/adapters/admission.js'
import { testHooks } from './hooks.js'

const request = (headers: IncomingMessage['headers']) =>
  Object.assign(new EventEmitter(), { headers }) as IncomingMessage
const hooks = (token?: string) => testHooks({ context: () => (token === undefined ? undefined : { token }) })

describe('runInContext', () => {
  it('gives a request parsed within another one nothing of it', () => {
    runWithContext({ token: 'theirs' }, () => {
      expect(runInContext(hooks(), request({}), () => currentContext()?.token)).toBeUndefined()
      expect(runInContext(hooks('mine'), request({}), () => currentContext()?.token)).toBe('mine')
    })
  })

  it("runs the listeners of a body in its request's context, wherever the events come from", () => {
    const seen: unknown[] = []
    const incoming = request({ 'content-length': '3' })
    runInContext(hooks('mine'), incoming, () =>
      incoming.on('data', (chunk) => seen.push(chunk, currentContext()?.token)),
    )
    expect(incoming.emit('data', 'a')).toBe(true)
    runWithContext({ token: 'theirs' }, () => incoming.emit('data', 'b'))
    expect(seen).toEqual(['a', 'mine', 'b', 'mine'])
    expect(currentContext()).toBeUndefined()
  })

  it('takes the token that the guard has found, and follows nothing where nothing travels on', () => {
    const known = testHooks({ context: (_request, token) => (token === undefined ? undefined : { token }) })
    expect(runInContext(known, request({}), () => currentContext()?.token, 'known')).toBe('known')
    const { context: _none, ...without } = known
    expect(runInContext(without, request({}), () => currentContext(), 'known')).toBeUndefined()
  })

  it('leaves a request without a body, or without a context, as it is', () => {
    const bare = request({})
    const { emit } = bare
    runInContext(hooks('mine'), bare, () => {})
    const withBody = request({ 'transfer-encoding': 'chunked' })
    runInContext(hooks(), withBody, () => {})
    expect([bare.emit, withBody.emit]).toEqual([emit, emit])
  })
})
