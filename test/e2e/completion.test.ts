import { execFile } from 'node:child_process'
import { chmodSync, existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { devRegistry, form } from '../support/registry.js'
import { tempFolder } from '../support/temp-folder.js'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const BASH = '/bin/bash'

/** Presses Tab in bash: `complete -F` calls the function with these variables set. */
const PRESS = `
source <(nacos-sidecar completion bash)
[[ "$(complete -p nacos-sidecar)" == "complete -o default -F _nacos_sidecar nacos-sidecar" ]] || exit 3
press() {
  COMP_LINE="$1" COMP_POINT=\${#1} COMPREPLY=()
  shift; COMP_WORDS=("$@") COMP_CWORD=$(( $# - 1 ))
  _nacos_sidecar
  (IFS=,; echo "\${COMPREPLY[*]}")
}
press 'nacos-sidecar doc' nacos-sidecar doc
press 'nacos-sidecar run --service-wei' nacos-sidecar run --service-wei
press "nacos-sidecar call --nacos-server $ADDRESS ord" nacos-sidecar call --nacos-server 127.0.0.1 : "\${ADDRESS#*:}" ord
press 'nacos-sidecar run ap' nacos-sidecar run ap
`

test.skipIf(!existsSync(BASH))('nacos-sidecar completion bash, in bash: commands, flags, services', async () => {
  const registry = await devRegistry({ grpcPort: false })
  await form(registry, 'POST', '/v1/ns/instance', { serviceName: 'orders', ip: '10.0.0.1', port: 80 })
  const folder = tempFolder({ 'nacos-sidecar': `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n` })
  chmodSync(`${folder}/nacos-sidecar`, 0o755)
  const env = { PATH: `${folder}:${process.env['PATH']}`, ADDRESS: registry.address }
  const { stdout, stderr } = await promisify(execFile)(BASH, ['--norc', '-c', PRESS], { env, cwd: folder })
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n')).toEqual(['doctor', '--service-weight', 'orders'])
})
