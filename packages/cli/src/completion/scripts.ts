/**
 * The scripts that teach shells to complete `skein`. They know nothing themselves: they call the hidden command `skein
 * complete`, which prints a candidate a line (value, tab, description), and last a line `:files` where files fit too.
 */

export type Shell = 'bash' | 'zsh' | 'fish';

export const shells: readonly Shell[] = ['bash', 'zsh', 'fish'];

/** Works from bash 3.2 on, with and without the package bash-completion. */
const bash = `# skein completion for bash. Now: source <(skein completion bash)
# For good: skein completion bash > ~/.local/share/bash-completion/completions/skein
_skein() {
  local line current prefix separator hasFiles=
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then hasFiles=1; else COMPREPLY+=("\${line%%$'\\t'*}"); fi
  done < <(skein complete bash -- "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
  current=\${COMP_LINE:0:COMP_POINT}
  current=\${current##*[[:space:]]}
  # bash replaces only what follows the last of these in a word.
  for separator in : =; do
    if [[ $COMP_WORDBREAKS == *"$separator"* && $current == *"$separator"* ]]; then
      prefix=\${current%"\${current##*"$separator"}"}
      COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
      current=\${current#"$prefix"}
    fi
  done
  if [[ -n $hasFiles ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
  elif [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]]; then
    compopt -o nospace 2>/dev/null
  fi
}
complete -F _skein skein
`;

const zsh = `#compdef skein
# skein completion for zsh. Now, after compinit: source <(skein completion zsh)
# For good: skein completion zsh > "\${fpath[1]}/_skein"
_skein() {
  local line value description hasFiles= result=1
  local -a described suffix
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      hasFiles=1
    else
      value=\${line%%$'\\t'*}
      description=\${line#*$'\\t'}
      described+=("\${value//:/\\\\:}\${description:+:$description}")
      [[ $value == */ ]] && suffix=(-S '')
    fi
  done < <(skein complete zsh -- "\${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)
  (( $#described )) && _describe -V skein described $suffix && result=0
  [[ -n $hasFiles ]] && _files && result=0
  return result
}
if [[ $funcstack[1] == _skein ]]; then _skein "$@"; else compdef _skein skein; fi
`;

const fish = `# skein completion for fish. Now: skein completion fish | source
# For good: skein completion fish > ~/.config/fish/completions/skein.fish
function __skein_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (skein complete fish -- $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = ':files'
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c skein -f -a '(__skein_complete)'
`;

export const completionScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
