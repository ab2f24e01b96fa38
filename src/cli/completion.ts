// What completes command lines in bash, zsh and fish. The scripts ask the program at each TAB, so that one function
// serves all three, from the tables of commands and flags.

import { allFlags, type Flag } from '../main/options/flags.ts';
import type { CommandDefinition } from './command-line.ts';

/** `region-monitor __complete WORD…` prints the candidates for the last word. Not a command for people: see cli.ts. */
export const completeCommand = '__complete';

/** Stands alone where the names of files are wanted. */
const files = ':files';

interface Candidate {
  readonly name: string;
  readonly description: string;
}

const builtIn: readonly Candidate[] = [
  { name: 'help', description: 'print this help' },
  { name: 'version', description: 'print the version' },
];

/**
 * One line for each candidate: a text, a tab, what it is. `words` follow the program's name, and the last is being typed.
 * Bash may give "--flag=value" as three words, others give one.
 */
export function candidates(
  words: readonly string[],
  commands: readonly CommandDefinition[],
): readonly string[] {
  const every = [...allFlags, ...commands.flatMap(({ flags = [] }) => flags)];
  const taking = new Set(every.filter(({ kind }) => kind !== 'bool').map(({ name }) => `--${name}`));
  const isValue = (index: number) => words[index - 1] === '=' || taking.has(words[index - 1] ?? '');
  const before = words.slice(0, -1).filter((_, index) => !isValue(index));
  const command = commands.find(({ name }) => before.includes(name));
  const { argument, flags: own = [] } = command ?? {};
  const valuesFor = (dashed = '', typed = '', prefix = '') =>
    valuesOf(
      [...own, ...allFlags].find(({ name }) => `--${name}` === dashed),
      typed,
      prefix,
    );

  const [third, second, current = ''] = [words.at(-3), words.at(-2), words.at(-1)];
  const [joined, flag, value] = /^(--[^=]+)=(.*)$/s.exec(current) ?? [];
  if (joined !== undefined) return valuesFor(flag, value, `${flag}=`);
  if (current === '=') return valuesFor(second);
  if (second === '=') return valuesFor(third, current);
  if (taking.has(second ?? '')) return valuesFor(second, current);

  const plain = command === undefined ? commands : (argument?.values ?? []).map(described);
  const dashed = [...allFlags, ...builtIn, ...own].map((each) => ({ ...each, name: `--${each.name}` }));
  return lines([...plain, ...dashed], current, '');
}

function valuesOf(flag: Flag<unknown> | undefined, typed: string, prefix: string): readonly string[] {
  if (flag?.kind === 'file') return [files];
  const values = flag?.kind === 'bool' ? ['true', 'false'] : (flag?.values ?? []);
  return lines(values.map(described), typed, prefix);
}

function described(name: string): Candidate {
  return { name, description: '' };
}

function lines(all: readonly Candidate[], typed: string, prefix: string): readonly string[] {
  return all
    .filter(({ name }) => name.startsWith(typed))
    .map(({ name, description }) => `${prefix}${name}\t${description}`);
}

/** `shell` is one of those in commands.ts. */
export function completionScript(shell: string): string {
  if (shell === 'bash') return bash;
  return shell === 'zsh' ? zsh : fish;
}

const bash = `# Completes region-monitor in bash: source <(region-monitor completion bash)
_region_monitor() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]/#\\~/$HOME}" ${completeCommand} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  COMPREPLY=("\${COMPREPLY[@]%%$'\\t'*}")
  if [[ \${COMPREPLY[0]} == ${files} ]]; then
    compopt -o filenames
    COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]#=}"))
  fi
}
complete -F _region_monitor region-monitor
`;

const zsh = `#compdef region-monitor
# Completes region-monitor in zsh: source <(region-monitor completion zsh)
_region_monitor() {
  local -a found
  found=("\${(@f)$(\${~words[1]} ${completeCommand} "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ $found == ${files} ]]; then
    compset -P '--*='
    _files
  else
    found=("\${(@)found/$'\\t'/:}")
    _describe candidates found
  fi
}
if [[ \${funcstack[1]} == _region_monitor ]]; then _region_monitor "$@"; else compdef _region_monitor region-monitor; fi
`;

const fish = `# Completes region-monitor in fish: region-monitor completion fish | source
function __region_monitor
  set -l words (commandline -opc) (commandline -ct)
  set -l found ($words[1] ${completeCommand} $words[2..] 2>/dev/null)
  if test "$found" = ${files}
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $found
  end
end
complete -c region-monitor -f -a '(__region_monitor)'
`;
