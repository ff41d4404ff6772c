import { expect, test } from 'vitest'
import { readAnswers, readSetup, setupNames } from '../support/spring-setups.js'
import { buildSpringRecorder } from './servers/spring-recorder.js'
import { Unavailable } from './servers/unavailable.js'
import { recordSetup } from './support/spring-recorder.js'

/** A start of Spring takes about 5 s on an idle core, and the first build downloads it. */
const TIMEOUT_MS = 600_000

// test/contract/spring-values.test.ts holds this library to what is recorded; this holds the record to Spring.
for (const name of setupNames()) {
  for (const alibaba of readSetup(name).alibaba) {
    test(
      `J: ${name}: Spring Cloud Alibaba ${alibaba} says what is recorded`,
      { timeout: TIMEOUT_MS },
      async (context) => {
        try {
          const answers = await recordSetup(name, await buildSpringRecorder(alibaba))
          expect(answers, 'the record is stale: npx tsx scripts/record-spring.ts').toEqual(readAnswers(name))
        } catch (error) {
          // A missing tool is a skip that names it; anything else is a failure where the result is relied on.
          if (!(error instanceof Unavailable) || (error.absent === undefined && process.env['CI'])) throw error
          context.skip(error.message)
        }
      },
    )
  }
}
