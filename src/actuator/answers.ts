import type { DirectAnswer } from '../adapters/adapter.js'

/** What Spring Boot calls the JSON of its actuator. */
const ACTUATOR_JSON = 'application/vnd.spring-boot.actuator.v3+json'

/** Figures are of the moment. */
const NOT_KEPT = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

export function jsonAnswer(body: unknown): DirectAnswer {
  return { status: 200, body: JSON.stringify(body), headers: { ...NOT_KEPT, 'content-type': ACTUATOR_JSON } }
}

export function textAnswer(body: string | Buffer, contentType: string): DirectAnswer {
  return { status: 200, body, headers: { ...NOT_KEPT, 'content-type': contentType } }
}

export const NO_CONTENT: DirectAnswer = { status: 204, body: '', headers: NOT_KEPT }

const REASONS = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  415: 'Unsupported Media Type',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const

/** In the shape of Spring Boot's errors. @param message what to do about it */
export function errorAnswer(
  status: keyof typeof REASONS,
  path: string,
  message?: string,
  headers: Readonly<Record<string, string>> = {},
): DirectAnswer {
  const body = {
    timestamp: new Date().toISOString(),
    status,
    error: REASONS[status],
    ...(message && { message }),
    path,
  }
  return {
    status,
    body: JSON.stringify(body),
    headers: { ...NOT_KEPT, ...headers, 'content-type': 'application/json; charset=utf-8' },
  }
}
