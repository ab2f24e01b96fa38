// Writes the pages that are derived from the code. A test compares them with what lies in docs/.

import { writeFileSync } from 'node:fs';
import { optionsPage } from './options-page.ts';

writeFileSync(new URL('../docs/options.md', import.meta.url), optionsPage());
