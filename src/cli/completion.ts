// The scripts by which shells complete command lines, from the tables of commands and flags. They stand alone: nothing is
// run while somebody types.

import { allFlags, type Flag } from '../main/options/flags.ts';
import type { CommandDefinition } from './command-line.ts';

const program = 'region-monitor';

/** What the program takes beside the table of flags. */
const builtIn = [
  { name: 'help', description: 'print what can be given' },
  { name: 'version', description: 'print the version' },
] as const;

/** `shell` is one of those in commands.ts. */
export function completionScript(shell: string, commands: readonly CommandDefinition[]): string {
  if (shell === 'bash') return bash(commands);
  return shell === 'zsh' ? zsh(commands) : fish(commands);
}

/** The texts that a flag takes, where they can be told. */
function valuesOf({ kind, values }: Flag<unknown>): readonly string[] {
  return kind === 'bool' ? ['true', 'false'] : (values ?? []);
}

/** It may stand alone: its value, if any, is joined with "=". */
function isSwitch({ kind }: Flag<unknown>): boolean {
  return kind === 'bool';
}

function takesFile({ kind }: Flag<unknown>): boolean {
  return kind === 'file';
}

function dashed(flags: readonly { readonly name: string }[]): string {
  return flags.map(({ name }) => `--${name}`).join(' ');
}

function bash(commands: readonly CommandDefinition[]): string {
  const own = commands.flatMap(({ flags = [] }) => flags);
  const taking = [...allFlags, ...own].filter((flag) => !isSwitch(flag));
  const cases = [
    ...commands.flatMap(({ name, flags = [] }) => flags.map((flag) => bashValues(name, flag))),
    ...allFlags.map((flag) => bashValues('*', flag)),
  ];
  const words = commands.flatMap(({ name, argument, flags = [] }) =>
    argument === undefined && flags.length === 0
      ? []
      : [`    ${name}) words+=' ${[dashed(flags), ...(argument?.values ?? [])].join(' ').trim()}' ;;`],
  );
  return `# Completes ${program} in bash: source <(${program} completion bash)
_region_monitor() {
  local cur=\${COMP_WORDS[COMP_CWORD]} command='' flag='' joined='' word words i
  local commands=' ${commands.map(({ name }) => name).join(' ')} '
  local taking=' ${dashed(taking)} '
  COMPREPLY=()
  # Bash may give "--flag=value" as three words, or as one.
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      =) ;;
      -*) flag=$word ;;
      *)
        if [[ $taking == *" $flag "* || \${COMP_WORDS[i - 1]} == '=' ]]; then :
        elif [[ -z $command && $commands == *" $word "* ]]; then command=$word
        fi
        flag='' ;;
    esac
  done
  if [[ $cur == '=' ]]; then cur='' joined=1
  elif [[ \${COMP_WORDS[COMP_CWORD - 1]} == '=' ]]; then joined=1
  elif [[ $cur == --*=* ]]; then flag=\${cur%%=*} cur=\${cur#*=} joined=1
  fi
  if [[ -z $joined && $taking != *" $flag "* ]]; then flag=''; fi
  case $command:$flag in
${cases.join('\n')}
  esac
  words='${dashed([...allFlags, ...builtIn])}'
  case $command in
    '') words+=$commands ;;
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _region_monitor ${program}
`;
}

function bashValues(command: string, flag: Flag<unknown>): string {
  const pattern = `    ${command}:--${flag.name})`;
  if (takesFile(flag))
    return `${pattern} local IFS=$'\\n'; compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;`;
  const words = valuesOf(flag).join(' ');
  return words === ''
    ? `${pattern} return ;;`
    : `${pattern} COMPREPLY=($(compgen -W '${words}' -- "$cur")); return ;;`;
}

function zsh(commands: readonly CommandDefinition[]): string {
  const names = commands.map(({ name }) => name).join('|');
  const descriptions = commands.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`);
  const own = commands.flatMap(({ name, argument, flags = [] }) => {
    const specs = flags.map(zshFlag);
    if (argument !== undefined) specs.push(quoted(`2:${argument.name}:(${argument.values.join(' ')})`));
    return specs.length === 0 ? [] : [`    ${name}) flags+=(\n${lines(specs, 6)}\n    ) ;;`];
  });
  const builtInFlags = builtIn.map(({ name, description }) => quoted(`--${name}[${description}]`));
  return `#compdef ${program}
# Completes ${program} in zsh: source <(${program} completion zsh)
_region_monitor() {
  local -a commands flags
  commands=(
${descriptions.join('\n')}
  )
  flags=(
${lines([...allFlags.map(zshFlag), ...builtInFlags], 4)}
  )
  case \${words[(r)(${names})]} in
${own.join('\n')}
  esac
  _arguments "\${flags[@]}" '1:command:{_describe command commands}' '*: :'
}
if [[ \${funcstack[1]} == _region_monitor ]]; then _region_monitor "$@"; else compdef _region_monitor ${program}; fi
`;
}

function zshFlag(flag: Flag<unknown>): string {
  const { name, kind, description, repeatable } = flag;
  const text = description.replaceAll(/[[\]\\:]/g, '\\$&');
  const action = takesFile(flag)
    ? '_files'
    : valuesOf(flag).length > 0
      ? `(${valuesOf(flag).join(' ')})`
      : '';
  const spec = isSwitch(flag)
    ? `--${name}=-[${text}]::${kind}:${action}`
    : `--${name}=[${text}]:${zshKind(kind)}:${action}`;
  return quoted(`${repeatable === true ? '*' : ''}${spec}`);
}

function zshKind(kind: string): string {
  return kind.replaceAll(':', '\\:');
}

function lines(texts: readonly string[], indent: number): string {
  return texts.map((text) => ' '.repeat(indent) + text).join('\n');
}

/** In single quotes, as bash and zsh take them. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fish(commands: readonly CommandDefinition[]): string {
  const complete = `complete -c ${program}`;
  const names = commands.map(({ name }) => name).join(' ');
  return [
    `# Completes ${program} in fish: ${program} completion fish | source`,
    `${complete} -f`,
    ...commands.map(
      ({ name, description }) =>
        `${complete} -n 'not __fish_seen_subcommand_from ${names}' -a ${name} -d ${fishQuoted(description)}`,
    ),
    ...allFlags.map((flag) => `${complete} ${fishFlag(flag)}`),
    ...builtIn.map(({ name, description }) => `${complete} -l ${name} -d ${fishQuoted(description)}`),
    ...commands.flatMap(({ name, argument, flags = [] }) => {
      const inside = `${complete} -n '__fish_seen_subcommand_from ${name}'`;
      const words = argument === undefined ? [] : [`${inside} -a '${argument.values.join(' ')}'`];
      return [...flags.map((flag) => `${inside} ${fishFlag(flag)}`), ...words];
    }),
    '',
  ].join('\n');
}

function fishFlag(flag: Flag<unknown>): string {
  const description = `-d ${fishQuoted(flag.description)}`;
  // Fish knows no value that may be left out: it completes the flag alone.
  if (isSwitch(flag)) return `-l ${flag.name} ${description}`;
  if (takesFile(flag)) return `-l ${flag.name} -r -F ${description}`;
  const values = valuesOf(flag).join(' ');
  return `-l ${flag.name} -x${values === '' ? '' : ` -a '${values}'`} ${description}`;
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}
