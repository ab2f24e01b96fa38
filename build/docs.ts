// Writes the pages that are derived from the code. A test compares them with what lies in docs/.

import { writeFileSync } from 'node:fs';
import { metricsPage } from './metrics-page.ts';
import { optionsPage } from './options-page.ts';

writeFileSync(new URL('../docs/options.md', import.meta.url), optionsPage());
writeFileSync(new URL('../docs/metrics.md', import.meta.url), metricsPage());
