import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSpringMetrics } from '../test/real/servers/spring-metrics.js'
import { recordMetrics } from '../test/real/support/metrics-recorder.js'
import { MICROMETER } from '../test/support/micrometer.js'

/** Asks a real Spring Boot with Micrometer for test/fixtures/micrometer: `npx tsx scripts/record-metrics.ts`. */
const record = await recordMetrics(await buildSpringMetrics())
mkdirSync(MICROMETER, { recursive: true })
// The metrics of the disk name the working directory of this machine.
const text = JSON.stringify(record, null, 2).replaceAll(process.cwd(), '/srv/portal')
writeFileSync(join(MICROMETER, 'exchanges.json'), `${text}\n`)
for (const [name, { answer }] of Object.entries(record)) console.log(`${answer.status} ${name}`)
