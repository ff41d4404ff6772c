import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { refusalHeaders, type GuardDecision } from './decision.js'

/**
 * Answers a refused upgrade on its bare socket. While the decision is awaited, nothing else listens for the socket's
 * errors, and a peer that resets meanwhile must not end the process.
 */
export async function answerUpgrade(socket: Duplex, deciding: Promise<GuardDecision>): Promise<GuardDecision> {
  const ignore = () => {}
  socket.on('error', ignore)
  const decision = await deciding
  if (decision.allowed) {
    socket.off('error', ignore)
    return decision
  }
  const body = JSON.stringify(decision.body)
  const headers: Record<string, string> = {
    ...refusalHeaders(decision),
    connection: 'close',
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  socket.end(`HTTP/1.1 ${decision.status} ${STATUS_CODES[decision.status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
  return decision
}
