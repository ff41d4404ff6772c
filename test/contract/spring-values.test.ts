import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { ourAnswers } from '../support/spring-values.js'
import {
  questionsOf,
  readAnswers,
  readSetup,
  setupNames,
  type Answer,
  type Answers,
  type RunAnswers,
} from '../support/spring-setups.js'
import { DIFFERENT, OPEN } from './support/spring-differences.js'

/**
 * The files of a Java team, asked on both sides. `answers.json` is what a real Spring Boot with Spring Cloud Alibaba
 * says (recorded by scripts/record-spring.ts, held fresh by test/real/spring-values.test.ts).
 */
const migration = readFileSync(new URL('../../docs/migration.md', import.meta.url), 'utf8')
const deliberate = new Map<string, Answer>(
  DIFFERENT.flatMap(({ keys }) =>
    keys.flatMap(({ run, ours }) =>
      Object.entries(ours).map(([question, answer]) => [`${run}: ${question}`, answer] as const),
    ),
  ),
)
const used = new Set<string>()

for (const name of setupNames()) {
  const setup = readSetup(name)
  const springs = readAnswers(name)
  for (const title of Object.keys(setup.runs)) {
    describe.sequential(`${name}, ${title}`, () => {
      let ours: RunAnswers
      beforeAll(async () => {
        ours = await ourAnswers(name, setup, title, springs[title])
      })
      const { ask, after } = setup.runs[title]!
      for (const { question } of questionsOf(ask)) {
        compare(`${name}, ${title}: ${question}`, springs[title]?.ask[question], () => ours.ask[question])
      }
      for (const { question } of questionsOf(after ?? {})) {
        const id = `${name}, ${title}, changed: ${question}`
        compare(id, springs[title]?.after?.[question], () => ours.after?.[question])
      }
    })
  }
}

function compare(id: string, spring: Answer | undefined, ours: () => Answer | undefined): void {
  const declared = deliberate.get(id)
  const open = OPEN[id]
  if (declared !== undefined) used.add(id)
  if (open !== undefined) {
    used.add(id)
    test(`J: ${id} (open: ${open})`, () => {
      const right = declared === undefined ? spring : declared
      expect(ours(), 'it is right now: take it out of OPEN').not.toEqual(right)
    })
  } else if (declared !== undefined) {
    test(`J: ${id} (differs on purpose)`, () => {
      expect(ours()).toEqual(declared)
      expect(declared, 'it no longer differs: take it out of the table').not.toEqual(spring)
    })
  } else {
    test(`J: ${id}`, () => {
      expect(spring, 'no answer of Spring is recorded: npx tsx scripts/record-spring.ts').toBeDefined()
      expect(ours()).toEqual(spring)
    })
  }
}

test('J: every difference that is declared is asked for, and explained in migration.md', () => {
  expect([...deliberate.keys(), ...Object.keys(OPEN)].filter((id) => !used.has(id))).toEqual([])
  const absent = DIFFERENT.filter(({ row }) => !migration.includes(`\n| ${row} |`))
  expect(absent.map(({ row }) => row)).toEqual([])
})

test('J: at least 250 keys are asked for', () => {
  const asked = (answers: Answers | undefined) => Object.keys(answers ?? {}).length
  const all = setupNames().flatMap((name) => Object.values(readAnswers(name)))
  expect(all.reduce((sum, run) => sum + asked(run.ask) + asked(run.after), 0)).toBeGreaterThanOrEqual(250)
})
