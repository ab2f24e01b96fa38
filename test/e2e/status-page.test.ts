// The status page of a monitor, in a real browser.

import test, { type ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import * as v from 'valibot';
import { SharedCleanup } from '../fixtures/cleanup.ts';
import { type Sandbox, startWatchedSandbox } from '../fixtures/clouds/sandbox.ts';
import { browserTest, type PageOptions, TestBrowser } from '../fixtures/monitor/browser.ts';
import { calmPeriodMs, type MonitorUnderTest, pace } from '../fixtures/monitor/monitor.ts';

const shared = new SharedCleanup();
const browser = new TestBrowser();
let sandbox: Sandbox;
let monitor: MonitorUnderTest;

test.before(async () => {
  ({ sandbox, monitor } = await startWatchedSandbox(shared));
});

test.after.always('nothing secret was shown', async () => {
  await browser.close();
  await shared.release();
});

async function open(t: ExecutionContext, options: PageOptions = {}, of = monitor): Promise<Page> {
  const page = await browser.open(t, `${await of.url()}/`, options);
  await page.locator('#regions tr').first().waitFor();
  return page;
}

const region = (page: Page, name: string) =>
  page.getByRole('table', { name: 'Regions' }).getByRole('row', { name, exact: false });
const problems = (page: Page) => page.getByRole('table', { name: 'Open problems' });
const transitions = (page: Page) => page.getByRole('table', { name: 'Latest transitions' });

test('/statusz: regions, workers, transitions and caches', async (t) => {
  const { text } = await monitor.get('/statusz');
  const status = v.parse(
    v.object({
      regions: v.array(v.looseObject({ regionId: v.string() })),
      transitions: v.array(v.unknown()),
    }),
    JSON.parse(text),
  );
  t.like(
    status.regions.find(({ regionId }) => regionId === 'first'),
    { regionName: 'first', provider: 'openstack', state: 'up', up: true, failures: 0, error: null },
  );
  t.true(status.transitions.length > 0);
});

browserTest('a transition and the end of a region are seen without a reload', async (t) => {
  const area = await sandbox.addRegion('live');
  const server = sandbox.addServer(area.addProject(), { id: 'live-id', name: 'web-7' });
  const page = await open(t);
  await region(page, 'live').getByText('1 running').waitFor();
  await region(page, 'live').getByText('up', { exact: false }).waitFor();

  area.cloud.stop(server.providerId);
  const stopped = transitions(page)
    .getByRole('row')
    .filter({ hasText: 'web-7' })
    .filter({ hasText: 'Stopped' });
  await stopped.waitFor();
  t.is(await stopped.getByRole('cell').first().textContent(), 'live');
  t.is(await stopped.getByRole('cell').last().textContent(), 'Running → Stopped');
  await region(page, 'live').getByText('1 stopped').waitFor();
  const announcement = page.locator('[aria-live=polite]#announcement');
  // Other tests have their transitions at the same time: which one is the latest is anybody's.
  await announcement.filter({ hasText: /^(\d+ transitions, the latest: )?\S+ in \S+: \S+ to \S+$/ }).waitFor({
    state: 'attached',
  });

  await area.cloud.pause();
  await region(page, 'live').getByText('▲ down').waitFor();
  await region(page, 'live').getByText('unreachable:').waitFor();
  // Regions of other tests may be down as well.
  t.regex(await page.title(), /^▲ (1 region|\d+ regions) down – Region monitor$/);
  await region(page, 'live').getByText('1 not observed').waitFor();
  await area.cloud.resume();
  await region(page, 'live').getByText('● up').waitFor();
});

browserTest('open problems come and go: what, why, where, of what and since when', async (t) => {
  const area = await sandbox.addRegion('troubled');
  const project = area.addProject();
  for (const index of [1, 2, 3, 4, 5])
    sandbox.addServer(project, { id: `troubled-${index}`, name: `trouble-${index}` });
  sandbox.addServer(project, { id: 'troubled-lost', name: 'lost', cloud: null });
  const page = await open(t);
  const ofRegion = problems(page).getByRole('row').filter({ hasText: 'troubled' });
  const lost = ofRegion.filter({ hasText: 'server not found in provider' });
  await lost.waitFor();
  t.is(await lost.getByRole('cell').nth(1).textContent(), 'server lost');
  t.regex((await lost.getByRole('cell').nth(2).textContent()) ?? '', /^(just now|\d+ s ago)$/);

  await area.cloud.pause();
  await ofRegion
    .filter({ hasText: 'failed to resolve region' })
    .filter({ hasText: 'unreachable:' })
    .waitFor();
  // Other tests have their problems at the same time.
  await page
    .locator('[aria-live=polite]#problem-announcement')
    .filter({ hasText: /^Problem in \S+: \S/ })
    .waitFor({ state: 'attached' });
  t.is(await ofRegion.count(), 1, 'nothing is known of what it hides');
  t.is(await ofRegion.getByRole('cell').nth(1).textContent(), 'the region');
  await area.cloud.resume();
  await lost.waitFor();
  await ofRegion.filter({ hasText: 'failed to resolve region' }).waitFor({ state: 'detached' });
});

browserTest('a service that does not answer, and a load balancer that degrades, are seen', async (t) => {
  const own = await startWatchedSandbox(
    t,
    // A service that is only slow does not answer, either.
    ...pace(calmPeriodMs(4_000)),
    '--checkers=server-health,region-health,load-balancer-health',
  );
  const area = await own.sandbox.addRegion('served');
  const project = area.addProject();
  const { providerId } = project.addLoadBalancer({ name: 'front' });
  const page = await open(t, {}, own.monitor);
  const change = (name: string, text: string) =>
    transitions(page).getByRole('row').filter({ hasText: name }).filter({ hasText: text });
  await change('front', 'Healthy').waitFor();
  await region(page, 'served').getByText('● up').waitFor();
  await region(page, 'served').getByText('does not answer').first().waitFor({ state: 'detached' });
  area.cloud.faults.add({ kind: 'status', status: 503 }, { route: 'GET /networking' });
  await region(page, 'served').getByText('▲ network does not answer').waitFor();
  await change('served', 'network (server-error) is not available').waitFor();
  await problems(page).getByRole('row').filter({ hasText: 'region service is not available' }).waitFor();
  area.cloud.loadBalancers.update(providerId, { operatingStatus: 'OFFLINE' });
  await change('front', 'load balancer is offline').waitFor();
  area.cloud.faults.clear();
  await region(page, 'served').getByText('does not answer').waitFor({ state: 'detached' });
  t.pass();
});

browserTest('messages from clouds are text, whatever they hold', async (t) => {
  const area = await sandbox.addRegion('hostile');
  const { providerId } = sandbox.addServer(area.addProject(), { id: 'hostile-id' });
  const page = await open(t);
  const message = '<img src=x onerror=alert(1)><script>alert(1)</script>';
  area.cloud.fail(providerId, message);
  const row = transitions(page).getByRole('row').filter({ hasText: 'Errored' });
  await row.getByText(message).waitFor();
  t.is(await page.locator('main img, main script').count(), 0);
});

browserTest('all of it can be reached and used with the keyboard', async (t) => {
  const page = await open(t);
  const focused = async (): Promise<unknown> => page.evaluate('document.activeElement.textContent.trim()');
  await page.keyboard.press('Tab');
  t.is(await focused(), 'Skip to the latest transitions');
  t.true(((await page.getByText('Skip to the latest').boundingBox())?.y ?? -1) >= 0, 'it is seen');
  await page.keyboard.press('Tab');
  t.is(await focused(), 'Pause');
  const button = page.getByRole('button', { name: 'Pause' });
  await page.keyboard.press('Space');
  t.is(await button.getAttribute('aria-pressed'), 'true');
  await page.getByRole('status').getByText('paused').waitFor();
  await page.keyboard.press('Space');
  await page.getByRole('status').getByText('live').waitFor();
  const links: unknown[] = [];
  for (let link = 0; link < 4; link++) {
    await page.keyboard.press('Tab');
    links.push(await focused());
  }
  t.deepEqual(links, ['Status as JSON', 'Metrics', 'Ready?', 'Alive?']);
  await page.getByText('Skip to the latest').focus();
  await page.keyboard.press('Enter');
  t.is(await page.evaluate('document.activeElement.id'), 'transitions');
});

browserTest('while it is paused nothing moves, and then everything is there', async (t) => {
  const area = await sandbox.addRegion('paused');
  const page = await open(t);
  await region(page, 'paused').waitFor();
  const button = page.getByRole('button', { name: 'Pause' });
  await button.click();
  sandbox.addServer(area.addProject(), { id: 'paused-id', name: 'unseen' });
  await sandbox.untilPhase('paused-id', 'Running');
  await monitor.untilRegionPolled('paused', 2);
  t.is(await transitions(page).getByText('unseen').count(), 0);
  await button.click();
  await transitions(page).getByText('unseen').first().waitFor();
});

for (const width of [1100, 360])
  browserTest(`${width} wide, it has landmarks, headings, and tables with headers`, async (t) => {
    const area = await sandbox.addRegion(`seen-${width}`);
    sandbox.addServer(area.addProject(), { id: `missing-${width}`, cloud: null });
    const page = await open(t, { viewport: { width, height: 800 } });
    await problems(page).getByText(`missing-${width}`).waitFor();
    for (const landmark of ['banner', 'main', 'contentinfo'] as const)
      t.is(await page.getByRole(landmark).count(), 1, landmark);
    t.is(await page.getByRole('navigation', { name: 'Other endpoints' }).count(), 1);
    t.is(await page.locator('html').getAttribute('lang'), 'en');
    t.deepEqual(await page.getByRole('heading').allInnerTexts(), [
      'Region monitor',
      'Open problems',
      'Regions',
      'Workers',
      'Latest transitions',
    ]);
    for (const [name, columns] of Object.entries({
      'Open problems': ['Problem', 'Region', 'Concerns', 'Since'],
      Regions: ['Region', 'State', 'Last answer', 'Servers', 'Poll duration'],
      Workers: ['Worker', 'Busy', 'Checks', 'Heap', 'Restarts'],
      'Latest transitions': ['Time', 'Region', 'Object', 'Change'],
    })) {
      const table = page.getByRole('table', { name });
      t.deepEqual(await table.getByRole('columnheader').allTextContents(), columns);
      const row = table.getByRole('row').nth(1);
      t.is(await row.getByRole('rowheader').count(), 1);
      t.is(await row.getByRole('cell').count(), columns.length - 1);
    }
  });

browserTest('on a small phone nothing is wider than the screen, whatever the names', async (t) => {
  const area = await sandbox.addRegion('a-region-with-a-name-that-is-longer-than-most-screens-are-wide');
  const name = `server-${'long-'.repeat(10)}name`;
  const { providerId } = sandbox.addServer(area.addProject(), { id: 'wide-id', name });
  const page = await open(t, { viewport: { width: 320, height: 640 } });
  area.cloud.fail(providerId, 'x'.repeat(500));
  await transitions(page).getByRole('row').filter({ hasText: name }).filter({ hasText: 'Errored' }).waitFor();
  t.is(await page.evaluate('document.documentElement.scrollWidth'), 320);
});

/** The least contrast of any text that is seen with what it stands on, and that text. As WCAG 2 defines it. */
const leastContrast = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return channels(color)[3] === 0 && element.parentElement ? behind(element.parentElement) : color;
  };
  let least = { contrast: 21, text: '' };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (text === '' || !element.checkVisibility()) continue;
    const [one, two] = [getComputedStyle(element).color, behind(element)].map(luminance);
    const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (contrast < least.contrast) least = { contrast, text };
  }
  return least;
})()`;
const contrastSchema = v.object({ contrast: v.number(), text: v.string() });

for (const colorScheme of ['light', 'dark'] as const)
  browserTest(`${colorScheme}: as the browser prefers it, and every text can be read`, async (t) => {
    const area = await sandbox.addRegion(`shades-${colorScheme}`);
    const project = area.addProject();
    sandbox.addServer(project, { id: `shades-${colorScheme}-1` });
    sandbox.addServer(project, { id: `shades-${colorScheme}-2`, cloud: { status: 'ERROR' } });
    sandbox.addServer(project, {
      id: `shades-${colorScheme}-3`,
      cloud: { status: 'SHUTOFF', powerState: 4 },
    });
    const page = await open(t, { colorScheme });
    await transitions(page).getByText(`shades-${colorScheme}-2`).first().waitFor();
    const background = String(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
    const [red = 0] = background.match(/\d+/g)?.map(Number) ?? [];
    t.is(red > 128, colorScheme === 'light', background);
    const { contrast, text } = v.parse(contrastSchema, await page.evaluate(leastContrast));
    t.true(contrast >= 4.5, `${contrast.toFixed(2)}: ${text}`);
  });

browserTest('an API server that is away is a problem of each resource', async (t) => {
  const own = await startWatchedSandbox(t);
  const page = await open(t, {}, own.monitor);
  await own.sandbox.cluster.pause();
  const outage = problems(page).getByRole('row').filter({ hasText: 'failed to list or watch, trying again' });
  for (const resource of ['regions', 'servers', 'identities', 'openstackidentities'])
    await outage.filter({ hasText: `Kubernetes ${resource}` }).waitFor();
  await own.sandbox.cluster.resume();
  await outage.first().waitFor({ state: 'detached' });
  t.pass();
});

browserTest('a monitor that goes ends its streams at once, and the page says so', async (t) => {
  const own = await startWatchedSandbox(t);
  const page = await open(t, { expected: /ERR_CONNECTION_REFUSED/ }, own.monitor);
  await own.monitor.stop();
  await page.getByRole('status').getByText('no connection').waitFor();
  t.pass();
});
