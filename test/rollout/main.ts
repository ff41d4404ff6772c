/**
 * `npm run test:rollout [-- --json FILE] [--calls N] [--rate N] [--push on|off|both] [--only rolling,kill9,…]`: three
 * providers under steady load are restarted, killed, stopped, and lose their registry. Exits with 1 where a call was lost.
 * `NACOS_SERVER=host:port` (`NACOS_USERNAME`, `NACOS_PASSWORD`) runs the rolling restart on that registry.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { printTable, row, type Row } from './report.js'
import { kill9, pause, registryDown, rolling, type RunOptions } from './scenarios.js'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    calls: { type: 'string', default: '150000' },
    rate: { type: 'string', default: '2000' },
    push: { type: 'string', default: 'both' },
    only: { type: 'string' },
  },
})
const { NACOS_SERVER: registry, NACOS_USERNAME: username, NACOS_PASSWORD: password } = process.env
const wanted = new Set(
  values.only?.split(',') ?? (registry ? ['rolling'] : ['rolling', 'kill9', 'pause', 'registryDown']),
)
const rate = Number(values.rate)
const base: RunOptions = {
  rate,
  calls: Number(values.calls),
  push: 'off',
  ...(registry && { registry }),
  ...(username && { login: { username, password: password ?? '' } }),
}
const pushes = values.push === 'both' ? (['off', 'auto'] as const) : ([values.push === 'off' ? 'off' : 'auto'] as const)

const rows: Row[] = []
const show = async (name: string, run: Promise<Row>) => {
  console.log(`${name} …`)
  rows.push(await run)
}

if (wanted.has('rolling'))
  for (const push of pushes)
    await show(
      `rolling restart, push ${push}`,
      rolling({ ...base, push }).then((outcome) =>
        row(`rolling, push ${push}`, outcome, outcome.failures.length === 0),
      ),
    )
const short = { ...base, calls: 20_000 }
if (wanted.has('kill9'))
  await show(
    'kill -9 in turn',
    kill9(short).then((outcome) =>
      row('kill -9', outcome, outcome.totals.get.failed === 0 && outcome.totals.post.failed === outcome.cutPosts),
    ),
  )
if (wanted.has('pause'))
  await show(
    'SIGSTOP of one',
    pause({ ...short, pauseMs: 10_000 }).then((outcome) =>
      row('SIGSTOP', outcome, outcome.totals.get.failed === 0 && outcome.beyondDeadline === 0),
    ),
  )
if (wanted.has('registryDown'))
  await show(
    'rolling restart, registry killed',
    registryDown(short).then((outcome) => row('registry killed', outcome, outcome.failures.length === 0)),
  )

printTable(rows)
if (values.json) writeFileSync(values.json, `${JSON.stringify(asJson(rows), null, 2)}\n`)
process.exitCode = rows.every(({ held }) => held) ? 0 : 1

function asJson(all: readonly Row[]) {
  const find = (name: string) => all.find((one) => one.name === name)
  const sum = (some: readonly Row[]) => ({
    sent: some.reduce((total, { get, post }) => total + get.sent + post.sent, 0),
    failed: some.reduce((total, { get, post }) => total + get.failed + post.failed, 0),
  })
  const split = (one: Row | undefined) => one && { get: one.get, post: one.post }
  const rollings = all.filter(({ name }) => name.startsWith('rolling'))
  const down = find('registry killed')
  return {
    rolling: { ...sum(rollings), runs: rollings.map((one) => ({ name: one.name, rate: one.rate, ...sum([one]) })) },
    kill9: split(find('kill -9')),
    pause: split(find('SIGSTOP')),
    registryDown: down && sum([down]),
  }
}
