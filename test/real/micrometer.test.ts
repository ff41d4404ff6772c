import { expect, test } from 'vitest'
import { labelsByName, readMicrometer, type MicrometerRecord } from '../support/micrometer.js'
import { buildSpringMetrics } from './servers/spring-metrics.js'
import { Unavailable } from './servers/unavailable.js'
import { recordMetrics } from './support/metrics-recorder.js'

/** Without times, ports and what only this JVM has. */
function comparable(record: MicrometerRecord) {
  const names = ['prometheus', 'openmetrics', 'histogram'] as const
  return {
    statuses: Object.entries(record).map(([name, { answer }]) => [name, answer.status, answer.contentType]),
    labels: names.map((name) => labelsByName(record[name]!.answer.body.replace('# EOF', ''), 'http_')),
    index: JSON.parse(record['index']!.answer.body) as unknown,
  }
}

// test/unit/actuator holds this library to what is recorded; this holds the record to Micrometer.
test('a Spring Boot app with Micrometer says what is recorded', { timeout: 600_000 }, async (context) => {
  try {
    const now = await recordMetrics(await buildSpringMetrics())
    expect(comparable(now), 'the record is stale: npx tsx scripts/record-metrics.ts').toEqual(
      comparable(readMicrometer()),
    )
  } catch (error) {
    // A missing tool is a skip that names it; anything else is a failure where the result is relied on.
    if (!(error instanceof Unavailable) || (error.absent === undefined && process.env['CI'])) throw error
    context.skip(error.message)
  }
})
