// The replay of a story just lived.
//
// For: the same rows in the same order as were seen live at the same log positions; playing to the end; the banner that
// says that this is the past.
// May not know: how a replay is fed. What was live is read from the screen and from the page's own line.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { devicesNear, openBrowser, openPage, ringingIncident, rowsOf, scan, startAnling, stationOperator, takeDuty } from './lib.mjs';

let node;
let browser;
before(async () => {
  node = await startAnling();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await node?.stop();
});

test('the replay shows the rows in the order in which they were seen live', async () => {
  const account = stationOperator(node);
  const devices = devicesNear(node, account);
  const page = await openPage(browser);
  // The newest position that the page has been told.
  let position = 0;
  page.on('websocket', (line) =>
    line.on('framereceived', ({ payload }) => {
      const message = JSON.parse(payload);
      if (message.t === 'snapshot' || message.t === 'changes') position = message.position;
    }),
  );
  await takeDuty(page, node, account);
  const rows = (n) => page.waitForFunction((n) => document.querySelectorAll('[data-testid="queue"] [data-testid="queue-row"]').length === n, n);
  const live = [];
  /** Notes the queue, when nothing has moved while it was read. */
  const seen = async () => {
    for (;;) {
      const at = position;
      const order = await rowsOf(page);
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      if (at === position && JSON.stringify(order) === JSON.stringify(await rowsOf(page))) return live.push({ at, order });
    }
  };

  await node.press(devices[0]);
  const incident = await ringingIncident(page);
  await seen();
  await page.keyboard.press('Space');
  await page.locator('[data-testid="queue-row"].mine').waitFor();
  await seen();
  await node.press(devices[2], 'service');
  await node.press(devices[3]);
  await rows(3);
  await seen();
  await node.press(devices[4], 'fall');
  await rows(4);
  await seen();
  await page.keyboard.press('Space');
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="queue-row"].mine').length === 2);
  await seen();
  await page.locator(`[data-testid="queue-row"][data-incident="${incident}"]`).click();
  await page.locator(`[data-testid="card"][data-card="${incident}"]`).waitFor();
  await page.keyboard.press('t');
  await page.locator(`[data-incident="${incident}"][data-phase="talking"]`).waitFor();
  await seen();
  await page.keyboard.press('r');
  await page.getByTestId('reason-ACCIDENT').check();
  await page.getByTestId('outcome-SAFE').check();
  await page.keyboard.press('Control+Enter');
  await page.locator(`[data-testid="queue"] [data-incident="${incident}"]`).waitFor({ state: 'detached' });
  assert.ok(live.some(({ order }) => order.length >= 3), 'the story has a queue worth ordering');

  // Out of the list of closed ones into the replay.
  await page.keyboard.press('Alt+3');
  await page.locator(`[data-testid="closed-row"][data-incident="${incident}"]`).click();
  await page.getByTestId('replay-this').click();
  await page.getByTestId('replay-banner').waitFor();
  await page.getByTestId('replay-around').check();
  await page.getByTestId('replay-queue').waitFor();
  await scan(page, 'the replay');

  // Step by step through every moment: what the queue looked like at each position.
  const shownAt = async () => Number((await page.getByTestId('replay-banner').innerText()).match(/位置\D*(\d+)/)[1]);
  const slider = page.getByTestId('replay-slider');
  const max = await slider.getAttribute('max');
  await page.waitForFunction(() => Number(document.querySelector('[data-testid="replay-banner"]').innerText.match(/位置\D*(\d+)/)[1]) > 0);
  const past = [{ at: await shownAt(), order: await rowsOf(page, 'replay-queue') }];
  while ((await slider.inputValue()) !== max) {
    const before = past.at(-1).at;
    await page.getByTestId('replay-next').click();
    await page.waitForFunction((before) => Number(document.querySelector('[data-testid="replay-banner"]').innerText.match(/位置\D*(\d+)/)[1]) !== before, before);
    past.push({ at: await shownAt(), order: await rowsOf(page, 'replay-queue') });
  }
  for (const { at, order } of live) {
    const then = past.findLast((moment) => moment.at <= at);
    assert.deepEqual(then.order, order, `the rows at position ${at}`);
  }

  // From the beginning at a hundred times the speed: it ends by itself, at the end.
  await slider.focus();
  await page.keyboard.press('Home');
  await page.waitForFunction((first) => document.querySelector('[data-testid="replay-banner"]').innerText.includes(String(first)), past[0].at);
  await page.getByTestId('replay-speed-100').click();
  await page.getByTestId('replay-play').click();
  await page.waitForFunction((max) => document.querySelector('[data-testid="replay-slider"]').value === max, max);
  await page.waitForFunction((last) => document.querySelector('[data-testid="replay-banner"]').innerText.includes(String(last)), past.at(-1).at);
  page.assertClean(node.console);
});
