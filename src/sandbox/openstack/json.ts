// JSON as OpenStack's services write it: a blank after each comma and colon, and only ASCII. A body is then as large
// as theirs, which matters to whoever measures with the sandbox, and its length in bytes is its length in characters.

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

export function toJson(value: Json): string {
  // Line breaks stand between members only: within a text they are escaped.
  const text = JSON.stringify(value, null, 1).replace(/,\n */g, ', ').replace(/\n */g, '');
  return notAscii.test(text) ? text.replace(/[\u007f-\uffff]/g, escaped) : text;
}

const notAscii = /[\u007f-\uffff]/;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
