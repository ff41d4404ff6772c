import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { newestPackage, unpackPackage } from './debian.js'
import { freePort } from './free-ports.js'
import { startProcess, withAttempts } from './server-process.js'
import { Unavailable } from './unavailable.js'

/** RabbitMQ of this machine, or of Debian's package, on a port that stays its own. */
export interface Rabbitmq {
  /** `amqp://guest:guest@127.0.0.1:{port}`, with the first password. */
  readonly url: string
  readonly port: number
  /** Begins again, with the port and the data that it had. */
  start(): Promise<void>
  /** Ends it as `rabbitmqctl stop` does: it tells its clients, and writes what it has. */
  shutdown(): Promise<void>
  /**
   * As `kill -9`, once what was declared is on the disk. RabbitMQ says that a queue is declared up to two seconds before,
   * and a broker that has lost one that was just made loses what it has confirmed for it as well.
   */
  kill(): Promise<void>
  /** Ends it for good; its data goes. */
  stop(): Promise<void>
  queues(): Promise<QueueFigures[]>
  /**
   * Messages of publishers that it has not confirmed. A message may be delivered before: its confirm waits for the disk.
   * What was delivered and not confirmed is lost to its publisher when the connection ends.
   */
  unconfirmed(): Promise<number>
  deleteQueue(name: string): Promise<void>
  /** As an operator does: each gets `CONNECTION_FORCED`. Returns how many there were. */
  closeConnections(): Promise<number>
  changePassword(user: string, password: string): Promise<void>
  /** With all rights on `/`. */
  addUser(user: string, password: string): Promise<void>
  addVhost(name: string): Promise<void>
  /** A share of the machine's memory. With 0 each connection that publishes is blocked; it begins with 0.4. */
  setMemoryWatermark(share: number): Promise<void>
  /** The value of an expression of Erlang inside the server, by way of JSON. */
  evaluate(expression: string): Promise<unknown>
}

export interface QueueFigures {
  readonly name: string
  /** Ready and not accepted together. */
  readonly messages: number
  readonly unacknowledged: number
  readonly consumers: number
}

/** What it needs of Erlang: all of one release, so what this machine has of it is not asked. */
const ERLANG =
  'asn1 base crypto eldap inets mnesia os-mon parsetools public-key runtime-tools ssl syntax-tools tools xmerl'
const COOKIE = 'only-for-tests'
const READY_MS = 60_000

/** @param configuration lines of its `rabbitmq.conf` */
export function startRabbitmq(configuration: readonly string[] = []): Promise<Rabbitmq> {
  return withAttempts(3, () => startOnce(configuration))
}

async function startOnce(configuration: readonly string[]): Promise<Rabbitmq> {
  const programs = await rabbitmqPrograms()
  // Its clients, other nodes, and the daemon that tells where the nodes are.
  const port = await freePort([1, 2])
  const folder = mkdtempSync(join(tmpdir(), 'nacos-sidecar-rabbitmq-'))
  writeFileSync(join(folder, '.erlang.cookie'), COOKIE, { mode: 0o400 })
  writeFileSync(join(folder, 'rabbitmq.conf'), configuration.join('\n'))
  writeFileSync(join(folder, 'enabled_plugins'), '[].')
  const env = { ...process.env, ...environmentOf(programs, folder, port) }
  const programIn = (name: string) => join(programs.erts, name)

  let calls = 0
  const evaluate = async (expression: string): Promise<unknown> => {
    // RabbitMQ takes one node of a name at a time, and may not yet know that the one of the last call is gone.
    const where = ['-address', `localhost:${port + 1}`, '-c', COOKIE, '-h', `tester${++calls}`, '-e']
    const child = spawn(programIn('erl_call'), where, { env, stdio: ['pipe', 'pipe', 'pipe'] })
    let answer = ''
    for (const output of [child.stdout, child.stderr]) output.on('data', (chunk: Buffer) => (answer += chunk))
    // One that ends before it reads says why in what it prints.
    child.stdin.on('error', () => {})
    // A binary would be cut short, and a text be escaped, in what it prints.
    child.stdin.end(`binary_to_list(base64:encode(rabbit_json:encode(begin ${expression} end))).\n`)
    await once(child, 'close')
    const encoded = /^\{ok, "(.*)"\}/.exec(answer)?.[1]
    if (encoded === undefined) throw new Error(`RabbitMQ does not answer to ${expression}: ${answer}`)
    return JSON.parse(Buffer.from(encoded, 'base64').toString())
  }

  const stopNames = await startProcess({
    ...{ name: 'the port mapper of Erlang', command: programIn('epmd'), readyWithinMs: READY_MS },
    args: () => ['-address', '127.0.0.1', '-port', String(port + 2)],
    ready: () => accepts(port + 2),
  })
  let kill = async (): Promise<void> => {}
  const stop = async () => {
    await kill()
    await stopNames()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  const start = async () => {
    kill = await startProcess({
      ...{ name: 'RabbitMQ', command: programIn('erlexec'), readyWithinMs: READY_MS },
      args: () => SERVER_ARGS,
      env: () => env,
      ready: async () => (await accepts(port)) && (await evaluate('rabbit:is_running()')) === true,
      broken: /BOOT FAILED/,
    })
  }
  await start().catch(async (error: unknown) => {
    await stop()
    throw error
  })

  const told = async (expression: string) => void (await evaluate(`${expression}, true`))
  return {
    ...{ url: `amqp://guest:guest@127.0.0.1:${port}`, port, start, stop, evaluate },
    async kill() {
      await told('ok = mnesia:sync_log()')
      await kill()
    },
    async shutdown() {
      await told('init:stop()')
      while (await accepts(port + 1)) await sleep(50)
      await kill()
    },
    queues: () => evaluate(QUEUES) as Promise<QueueFigures[]>,
    unconfirmed: () =>
      evaluate(
        'lists:sum([N || C <- rabbit_channel:list(), [{_, N}] <- [rabbit_channel:info(C, [messages_unconfirmed])]])',
      ) as Promise<number>,
    deleteQueue: (name) =>
      told(
        `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, ${binary(name)})), rabbit_amqqueue:delete(Q, false, false, <<"tester">>)`,
      ),
    closeConnections: () =>
      evaluate(
        'All = rabbit_networking:connections(), [rabbit_networking:close_connection(P, "closed by the test") || P <- All], length(All)',
      ) as Promise<number>,
    changePassword: (user, password) =>
      told(`ok = rabbit_auth_backend_internal:change_password(${binary(user)}, ${binary(password)}, <<"tester">>)`),
    addUser: (user, password) =>
      told(
        `ok = rabbit_auth_backend_internal:add_user(${binary(user)}, ${binary(password)}, <<"tester">>), ok = rabbit_auth_backend_internal:set_permissions(${binary(user)}, <<"/">>, <<".*">>, <<".*">>, <<".*">>, <<"tester">>)`,
      ),
    addVhost: (name) =>
      told(
        `rabbit_vhost:add(${binary(name)}, <<"tester">>), ok = rabbit_auth_backend_internal:set_permissions(<<"guest">>, ${binary(name)}, <<".*">>, <<".*">>, <<".*">>, <<"tester">>)`,
      ),
    setMemoryWatermark: (share) => told(`vm_memory_monitor:set_vm_memory_high_watermark(${share.toFixed(4)})`),
  }
}

const QUEUES = `[#{name => element(4, proplists:get_value(name, I)), messages => proplists:get_value(messages, I),
  unacknowledged => proplists:get_value(messages_unacknowledged, I), consumers => proplists:get_value(consumers, I)}
  || V <- rabbit_vhost:list_names(), I <- rabbit_amqqueue:info_all(V, [name, messages, messages_unacknowledged, consumers])]`

/** As the script `rabbitmq-server` has them; idle schedulers do not spin. */
const SERVER_ARGS = [
  ...['-noinput', '-s', 'rabbit', 'boot', '-boot', 'start_sasl', '+W', 'w'],
  ...['+sbwt', 'none', '+sbwtdcpu', 'none', '+sbwtdio', 'none'],
  ...['-kernel', 'inet_dist_use_interface', '{127,0,0,1}', '-kernel', 'prevent_overlapping_partitions', 'false'],
  ...['-syslog', 'logger', '[]', '-syslog', 'syslog_error_logger', 'false'],
]

interface Programs {
  /** The folder of Erlang. */
  readonly erlang: string
  /** Of its programs. */
  readonly erts: string
  readonly rabbitmq: string
}

/** Where they are; unpacks them where this machine has none. */
export async function rabbitmqPrograms(): Promise<Programs> {
  return programsIn('/') ?? programsIn(await unpacked()) ?? fail('no RabbitMQ in its package')
}

function programsIn(root: string): Programs | undefined {
  const erlang = join(root, 'usr/lib/erlang')
  const erts = folderIn(erlang, 'erts-')
  const rabbitmq = folderIn(join(root, 'usr/lib/rabbitmq/lib'), 'rabbitmq_server-')
  return erts && rabbitmq ? { erlang, erts: join(erts, 'bin'), rabbitmq } : undefined
}

function folderIn(parent: string, begin: string): string | undefined {
  const found = existsSync(parent) ? readdirSync(parent).find((name) => name.startsWith(begin)) : undefined
  return found && join(parent, found)
}

async function unpacked(): Promise<string> {
  const found = await newestPackage('^rabbitmq-server$')
  if (found === undefined) throw new Unavailable('neither RabbitMQ nor apt is here', 'rabbitmq-server')
  return unpackPackage(
    found,
    ERLANG.split(' ').map((part) => `erlang-${part}`),
  )
}

function fail(message: string): never {
  throw new Unavailable(message)
}

/** Instead of the scripts of the packages, whose paths are those of an installed system. */
function environmentOf({ erlang, erts, rabbitmq }: Programs, folder: string, port: number): NodeJS.ProcessEnv {
  const none = join(folder, 'none')
  return {
    ...{ ROOTDIR: erlang, BINDIR: erts, EMU: 'beam', PROGNAME: 'erl', ERL_LIBS: join(rabbitmq, 'plugins') },
    ...{ HOME: folder, ERL_EPMD_ADDRESS: '127.0.0.1', ERL_EPMD_PORT: String(port + 2) },
    RABBITMQ_HOME: rabbitmq,
    RABBITMQ_PLUGINS_DIR: join(rabbitmq, 'plugins'),
    RABBITMQ_NODENAME: 'rabbit@localhost',
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(port + 1),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_ADVANCED_CONFIG_FILE: none,
    RABBITMQ_CONF_ENV_FILE: none,
  }
}

const binary = (text: string) => `<<${[...Buffer.from(text)].join(',')}>>`

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
