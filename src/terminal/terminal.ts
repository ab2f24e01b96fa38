// What the place that a command prints to can show, and text that is safe to show there.

import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';

export interface Terminal {
  /** Characters a line; null where it is unknown: the output goes to a file or another program. */
  readonly width: number | null;
  readonly color: boolean;
  /** Whether it shows characters beyond ASCII. */
  readonly unicode: boolean;
  /** Whether a printed line can be overwritten. */
  readonly interactive: boolean;
}

export type Stream = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number };

/** As users of terminals expect: NO_COLOR, TERM=dumb, COLUMNS, and the locale of LC_ALL, LC_CTYPE or LANG. */
export function terminalOf(
  { isTTY = false, columns }: Stream,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const smart = isTTY && env['TERM'] !== 'dumb';
  const wanted = Number(env['COLUMNS']);
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((value) => value) ?? '';
  return {
    width: isTTY && columns ? columns : Number.isInteger(wanted) && wanted > 0 ? wanted : null,
    color: smart && !env['NO_COLOR'],
    unicode: /utf-?8/i.test(locale) && env['TERM'] !== 'dumb',
    interactive: smart,
  };
}

/** One line without control characters: names and messages come from clouds and from people. */
export function printable(text: string): string {
  return text.replace(/[\s\u2028\u2029]+/g, ' ').replace(/[\p{Cc}\p{Cf}]/gu, '?');
}

type Color = 'red' | 'green' | 'yellow' | 'dim' | 'bold';

export type Paint = (color: Color, text: string) => string;

export function paintOf({ color }: Terminal): Paint {
  // Whether it shows colors was found out above, for any stream.
  return color ? (name, text) => styleText(name, text, { validateStream: false }) : (_, text) => text;
}

const breaks = [':', '/', '.', '-'];

/**
 * Lines of at most `width` characters, broken between words. A longer word is broken after a mark such as a colon, if
 * there is one in its second half, or else at the width.
 */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length <= width) {
      line += ` ${word}`;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (line.length > width) {
      const end = Math.max(...breaks.map((mark) => line.lastIndexOf(mark, width - 1))) + 1;
      const cut = end > width / 2 ? end : width;
      lines.push(line.slice(0, cut));
      line = line.slice(cut);
    }
  }
  return [...lines, line];
}
