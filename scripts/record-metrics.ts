import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSpringMetrics } from '../test/real/servers/spring-metrics.js'
import { recordMetrics } from '../test/real/support/metrics-recorder.js'
import { MICROMETER } from '../test/support/micrometer.js'

/** Asks a real Spring Boot with Micrometer for test/fixtures/micrometer: `npx tsx scripts/record-metrics.ts`. */
const record = await recordMetrics(await buildSpringMetrics())
mkdirSync(MICROMETER, { recursive: true })
writeFileSync(join(MICROMETER, 'exchanges.json'), `${JSON.stringify(record, null, 2)}\n`)
for (const [name, { answer }] of Object.entries(record)) console.log(`${answer.status} ${name}`)
