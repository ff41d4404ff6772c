/**
 * Runs after the build. Types of this package name those of the frameworks and of amqplib, which are optional: where one is not installed
 * it is `any`, and that must not be an error of the types of this package. tsc drops such a comment from what it writes, so it is put
 * there afterwards.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const OPTIONAL = /^import .* from '(?:express|fastify|koa|amqplib)';$/gm
const IGNORE = '// @ts-ignore: optional, any where it is not installed'

const dist = new URL('../dist/', import.meta.url).pathname
let found = 0
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!/\.d\.c?ts$/.test(name)) continue
  const file = join(dist, name)
  const text = readFileSync(file, 'utf8')
  const marked = text.replace(OPTIONAL, (line) => `${IGNORE}\n${line}`)
  if (marked === text) continue
  writeFileSync(file, marked)
  found++
}
if (found === 0) throw new Error('no type of an optional framework was found: is the pattern still right?')
