// docs/options.md, from the tables of commands and flags.

import type { Command } from '../src/cli/command.ts';
import { commands } from '../src/cli/commands.ts';
import { allFlags, environmentName, type Flag, flagGroups } from '../src/main/options/flags.ts';

export function optionsPage(): string {
  return `# Options

Generated from \`src/cli/commands.ts\` and the files \`flags.ts\` of \`src/main/options/\`, \`src/check/\` and \`src/doctor/\` by \`npm run docs\`.

| command | what it does |
|---|---|
${commands.map(commandRow).join('\n')}

All commands take the flags below, except for the flags in the last sections.

A flag may be written \`--flag=value\` or \`--flag value\`; a flag of type bool also as \`--flag\` alone. Each can also be
set by its environment variable. The flag takes precedence, and an empty variable counts as not set.

Durations have units, as Go writes them: \`90s\`, \`1m30s\`, \`500ms\`, \`1.5h\`. Timeouts that are not given follow
from the poll period, so a poll period alone is always enough. Those that are given must satisfy
\`--request-timeout\` < \`--check-timeout\` < \`--poll-period\`.

An invalid command line ends with exit code 2 and one line that says what to change. Exit code 1 is a failed start, 0 a
clean stop.
${flagGroups.map(groupSection).join('')}${commands.map(commandSection).join('')}`;
}

function commandRow({ name, description }: Command): string {
  return `| \`${name}\` | ${description} |`;
}

function groupSection(group: (typeof flagGroups)[number]): string {
  return `
## ${group}

${flagTable(allFlags.filter((flag) => flag.group === group))}
`;
}

/** Nothing for a command that has only the flags of all. */
function commandSection({ name, help, flags = [] }: Command): string {
  if (flags.length === 0) return '';
  return `
## \`${name}\` alone

${help ?? ''}

${flagTable(flags)}
`;
}

function flagTable(flags: readonly Flag<unknown>[]): string {
  return `| flag | type | default | environment variable | what it does |
|---|---|---|---|---|
${flags.map(row).join('\n')}`;
}

function row(flag: Flag<unknown>): string {
  const cells = [
    `\`--${flag.name}\``,
    flag.kind,
    defaultCell(flag),
    `\`${environmentName(flag.name)}\``,
    flag.description,
  ];
  return `| ${cells.join(' | ')} |`;
}

function defaultCell(flag: Flag<unknown>): string {
  if (flag.default === undefined) return flag.follows ?? '';
  return flag.default === '' ? '' : `\`${flag.default}\``;
}
