import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { buildSpringRecorder } from '../test/real/servers/spring-recorder.js'
import { recordSetup } from '../test/real/support/spring-recorder.js'
import { readAnswers, readSetup, setupNames, SETUPS } from '../test/support/spring-setups.js'

/** Asks a real Spring Boot the keys of test/fixtures/spring: `npx tsx scripts/record-spring.ts [SET-UP …]`. */
const names = process.argv.slice(2)
for (const name of names.length > 0 ? names : setupNames()) {
  const started = performance.now()
  const [first, ...others] = readSetup(name).alibaba
  const before = readAnswers(name)
  const answers = await recordSetup(name, await buildSpringRecorder(first!))
  writeFileSync(join(SETUPS, name, 'answers.json'), `${JSON.stringify(answers, null, 2)}\n`)
  const news = isDeepStrictEqual(answers, before) ? 'as before' : 'changed'
  console.log(`${name} (${first}): ${news}, ${Math.round((performance.now() - started) / 1_000)} s`)
  for (const alibaba of others) {
    const same = isDeepStrictEqual(await recordSetup(name, await buildSpringRecorder(alibaba)), answers)
    console.log(`${name} (${alibaba}): ${same ? 'the same' : `DIFFERENT from ${first}`}`)
  }
}
