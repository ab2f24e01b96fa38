// The files of the status page. Browsers run nothing and load nothing but them: the policy that comes with the page
// allows no inline code, no other origin, and no HTML made from strings.

import { readFileSync } from 'node:fs';

export interface PageFile {
  /** Path relative to the page, so that a proxy may serve it under any prefix. */
  readonly path: string;
  readonly type: string;
  readonly body: string;
}

export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** What status.html and the modules name. */
const parts = [
  'status.css',
  'tables.css',
  'status.js',
  'elements.js',
  'words.js',
  'times.js',
  'regions.js',
  'shards.js',
  'workers.js',
  'problems.js',
  'transitions.js',
];

/** Read at the start: the image's file system need not be there later, and a broken installation shows at once. */
export function readStatusPage(): readonly PageFile[] {
  return [
    { path: '/', type: 'text/html; charset=utf-8', body: read('status.html') },
    ...parts.map((name) => ({
      path: `/${name}`,
      type: `${name.endsWith('.css') ? 'text/css' : 'text/javascript'}; charset=utf-8`,
      body: read(name),
    })),
    { path: '/icon.svg', type: 'image/svg+xml', body: read('icon.svg') },
  ];
}

/** The folder page/ is a sibling of main/ in a checkout, in dist, and in the bundle (whose parts lie in main/chunks/). */
function read(name: string): string {
  return readFileSync(new URL(`../../page/${name}`, import.meta.url), 'utf8');
}
