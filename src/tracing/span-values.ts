/** The values of `SpanKind` and `SpanStatusCode`: types alone are imported of the API. */
export const INTERNAL = 0
export const SERVER = 1
export const CLIENT = 2
export const PRODUCER = 3
export const CONSUMER = 4
/** `SpanStatusCode.ERROR` */
export const FAILED = 2
