import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { start, type ReplOptions, type REPLServer } from 'node:repl'
import { pathToFileURL } from 'node:url'
import { Command } from 'commander'
import { messageOf } from '../errors.js'
import type { Sidecar } from '../sidecar.js'
import { stateFolder } from '../snapshot/location.js'
import { asGuest, withGuestOptions, type GuestFlags } from './guest.js'
import { createTools, type ShellTools } from './shell-tools.js'
import { UsageError } from './usage-error.js'

/** `nacos-sidecar shell [script]`: a prompt, or a script, that calls services by name. */
export function shellCommand(): Command {
  return withGuestOptions(
    new Command('shell')
      .description(
        'Open a prompt with sidecar, config, services(), instances(), call(), clients, emit() and timers(); or run a script.',
      )
      .argument('[script]', 'a module; - is the standard input, which is also read if it is no terminal'),
  ).action(async (script: string | undefined, flags: GuestFlags) => {
    if (flags.json) throw new UsageError('shell prints what the script prints: --json has no meaning')
    const source = await sourceOf(script)
    await asGuest(flags, {}, async (sidecar) => {
      await sidecar.ready
      const tools = createTools(sidecar)
      if (source === undefined) await openPrompt(sidecar, tools)
      else await runScript(source, tools)
    })
  })
}

/** The URL of the module; `undefined` for a prompt. */
async function sourceOf(script: string | undefined): Promise<string | undefined> {
  if (script !== undefined && script !== '-') {
    const path = resolve(script)
    if (!existsSync(path)) throw new UsageError(`the script ${script} was not found: looked for ${path}`)
    return pathToFileURL(path).href
  }
  if (script === undefined && process.stdin.isTTY === true) return undefined
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return `data:text/javascript;base64,${Buffer.concat(chunks).toString('base64')}`
}

async function runScript(url: string, tools: ShellTools): Promise<void> {
  Object.assign(globalThis, tools)
  // Not `interrupted`: a script that is done ends the command.
  const end = once(process, 'SIGINT').then(() => {
    process.exitCode ??= 130
  })
  try {
    await Promise.race([import(url), end])
  } catch (error) {
    // Its stack is the script's.
    console.error(error)
    process.exitCode = 1
  }
}

/** @param streams of a terminal. @default those of the process */
export async function openPrompt(sidecar: Sidecar, tools: ShellTools, streams: ReplOptions = {}): Promise<void> {
  const names = await knownNames(tools)
  const { server, protocol, connected } = sidecar.nacos.describe()
  console.log(connected ? `Connected to ${server} (${protocol}).` : `${server} cannot be reached: calls will fail.`)
  console.log("Try services(), call('user-service').get('/users/7'), config.get('server.port'). Ctrl-D ends it.")
  const prompt = start({ prompt: 'nacos> ', ignoreUndefined: true, ...streams })
  Object.assign(prompt.context, tools)
  completeNames(prompt, names)
  await keepHistory(prompt)
  // Each asks for an end in its own way.
  await Promise.race([once(prompt, 'exit'), interruptedBySignal(prompt)])
}

async function knownNames({ services }: ShellTools): Promise<string[]> {
  try {
    return await services()
  } catch (error) {
    console.error(`nacos-sidecar: no names to complete: ${messageOf(error)}`)
    return []
  }
}

/** SIGINT is the prompt's own where there is a terminal: it clears the line. */
function interruptedBySignal(prompt: REPLServer): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      prompt.close()
      resolve()
    }
    process.once('SIGTERM', end).once('SIGHUP', end)
    prompt.once('exit', () => process.off('SIGTERM', end).off('SIGHUP', end))
  })
}

/** `call('us` and `clients['us` are completed by the names of services, the rest as Node does. */
function completeNames(prompt: REPLServer, names: readonly string[]): void {
  type Complete = (line: string, callback: (error: Error | null, result?: [string[], string]) => void) => void
  const own = prompt as unknown as { completer: Complete }
  const byNode = own.completer
  own.completer = (line, callback) => {
    const [, quote, begun] =
      /(?:call|instances|emit|timers)\((['"])([^'"]*)$|clients\[(['"])([^'"]*)$/.exec(line)?.filter(isText) ?? []
    if (quote === undefined || begun === undefined) return byNode.call(prompt, line, callback)
    callback(null, [names.filter((name) => name.startsWith(begun)), begun])
  }
}

const isText = (text: string | undefined): text is string => text !== undefined

/** For its owner only: a line may hold a password. */
async function keepHistory(prompt: REPLServer): Promise<void> {
  const file = historyFile(process.env)
  if (file === undefined) return
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, '', { flag: 'a', mode: 0o600 })
    chmodSync(file, 0o600)
    readFileSync(file)
  } catch (error) {
    console.error(`nacos-sidecar: no history is kept: ${messageOf(error)}`)
    return
  }
  await new Promise<void>((resolve) => prompt.setupHistory(file, () => resolve()))
}

/** `NACOS_SIDECAR_HISTORY` names another file; empty, it keeps none. */
export function historyFile(env: NodeJS.ProcessEnv): string | undefined {
  const said = env['NACOS_SIDECAR_HISTORY']
  if (said !== undefined) return said === '' ? undefined : resolve(said)
  return join(stateFolder(env), 'shell-history')
}
