// The licences of what is in the bundle: most of them ask to go along with every copy.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const packageFolder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;

/** `files` are relative to `root`; those of ours do not count. */
export function notices(root: string, files: readonly string[]): string {
  const folders = new Set(files.flatMap((file) => packageFolder.exec(file) ?? []));
  return [...folders]
    .toSorted()
    .map((folder) => `${folder.replace(/^.*node_modules\//, '')}\n\n${licenceTexts(join(root, folder))}\n`)
    .join(`${'-'.repeat(80)}\n`);
}

function licenceTexts(folder: string): string {
  return readdirSync(folder)
    .filter((name) => /^(?:licen[cs]e|notice|copying)/i.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8').trim())
    .join('\n\n');
}
