export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** Each asks `nacos-sidecar complete` and hands over what is typed; without a candidate the shell completes files. */
export function completionScript(shell: Shell): string {
  return { bash: BASH, zsh: ZSH, fish: FISH }[shell]
}

// A colon and an equals sign end a word in bash: the words are put together again, and what bash keeps is taken off.
const BASH = `_nacos_sidecar() {
  local line="\${COMP_LINE:0:COMP_POINT}" words=() word
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  local begun="\${words[\${#words[@]}-1]}" kept
  kept="\${begun%"\${COMP_WORDS[COMP_CWORD]}"}"
  [[ "\${COMP_WORDS[COMP_CWORD]}" == [:=] ]] && kept="$begun"
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    [[ "$word" == "$begun"* ]] && COMPREPLY+=("\${word#"$kept"}")
  done < <("\${words[0]}" complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -o default -F _nacos_sidecar nacos-sidecar
`

const ZSH = `#compdef nacos-sidecar
_nacos_sidecar() {
  local -a candidates
  local value what
  while IFS=$'\\t' read -r value what; do
    candidates+=("\${value//:/\\\\:}\${what:+:$what}")
  done < <("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then _describe 'nacos-sidecar' candidates; else _files; fi
}
if [[ "\${funcstack[1]}" == _nacos_sidecar ]]; then _nacos_sidecar "$@"; else compdef _nacos_sidecar nacos-sidecar; fi
`

const FISH = `function __nacos_sidecar_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] complete -- $words[2..-1] 2>/dev/null
end
complete -c nacos-sidecar -a '(__nacos_sidecar_complete)'
`
