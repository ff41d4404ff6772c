import * as z from 'zod'
import { amount, durationMs, flag, integer, list, port, section, text } from '../kinds.js'

/** Spring: without a unit these are seconds. */
const seconds = z
  .union([z.number().nonnegative(), z.string()], { error: 'expected a duration such as 30 or 30s' })
  .transform((value) => (/^\s*\d+\s*$/.test(String(value)) ? `${String(value).trim()}s` : value))
  .pipe(durationMs)

/**
 * `spring.rabbitmq`, as Spring Boot has it: as much as a client of Node can use. It is no part of the settings: what a service without
 * events has there is not looked at.
 */
export const rabbitmq = section({
  host: text.default('localhost'),
  port: port.optional(),
  username: text.default('guest'),
  password: text.default('guest'),
  virtualHost: text.optional(),
  addresses: list.default([]),
  requestedHeartbeat: seconds.optional(),
  connectionTimeout: durationMs.optional(),
  ssl: section({
    enabled: flag.optional(),
    bundle: text.optional(),
    validateServerCertificate: flag.default(true),
    verifyHostname: flag.default(true),
  }).prefault({}),
  listener: section({
    simple: section({
      prefetch: integer(1, 65_535).optional(),
      retry: section({
        enabled: flag.default(false),
        maxAttempts: integer(1, 1_000_000).default(3),
        initialInterval: durationMs.default(1_000),
        multiplier: amount(1, 1_000).default(1),
        maxInterval: durationMs.default(10_000),
      }).prefault({}),
    }).prefault({}),
  }).prefault({}),
})

export type RabbitmqSettings = z.output<typeof rabbitmq>
