// The replay of a story just lived.
//
// For: the same rows in the same order as were seen live at the same log positions, stepped through and played fast, with
// clock, caption and rows of one frame; the banner that says that this is the past.
// May not know: how a replay is fed. What was live is read from the screen and from the page's own line.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { apiOf, devicesNear, onStage, openPage, ringingIncident, rowsOf, scan, stationOperator, takeDuty } from './lib.mjs';

let node;
let browser;
onStage((made) => ({ node, browser } = made));

/** What is on the screen of a replay; runs in the page. */
const screenOf = () => {
  const text = (testid) => document.querySelector(`[data-testid="${testid}"]`)?.textContent.trim() ?? '';
  const rows = [...document.querySelectorAll('[data-testid="replay-queue"] [data-testid="queue-row"]')].map((row) => ({ ...row.dataset, at: Number(row.getAttribute('aria-rowindex')) }));
  rows.sort((a, b) => a.at - b.at);
  return {
    position: Number(text('replay-banner').match(/位置\D*(\d+)/)?.[1] ?? 0),
    time: text('replay-time'),
    caption: text('replay-last'),
    order: rows.map((row) => row.incident),
    phases: rows.map((row) => row.phase),
    absent: text('replay-absent'),
  };
};

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
  const screen = () => page.evaluate(screenOf);
  await page.evaluate(`window.screenOf = ${screenOf}`);
  const until = (position) => page.waitForFunction((position) => window.screenOf().position === position, position);
  const slider = page.getByTestId('replay-slider');
  const max = await slider.getAttribute('max');
  await page.waitForFunction(() => window.screenOf().position > 0);
  const past = [await screen()];
  if (past[0].order.length === 0) assert.match(past[0].absent, /还没有派到/, 'an empty first frame says why');
  while ((await slider.inputValue()) !== max) {
    const before = past.at(-1).position;
    await page.getByTestId('replay-next').click();
    await page.waitForFunction((before) => window.screenOf().position !== before, before);
    past.push(await screen());
  }
  const thenAt = (position) => past.findLast((moment) => moment.position <= position);
  for (const { at, order } of live) assert.deepEqual(thenAt(at).order, order, `the rows at position ${at}`);
  assert.match(past.at(-1).absent, /已经办结/);

  // Played fast: whatever is on the screen at any moment is of one frame, the one that was then.
  const ask = await apiOf(node, account);
  const { events, around } = await ask('GET', `/v1/incidents/${incident}/events`);
  const moments = [...events, ...around].sort((a, b) => a.position - b.position);
  await page.evaluate(() => {
    const sample = () => {
      const text = JSON.stringify(window.screenOf());
      if (window.screens?.at(-1) !== text) window.screens?.push(text);
      requestAnimationFrame(sample);
    };
    requestAnimationFrame(sample);
  });
  for (const speed of [10, 30, 100]) {
    // At its end it begins anew.
    await page.getByTestId(`replay-speed-${speed}`).click();
    await page.evaluate(() => (window.screens = []));
    await page.getByTestId('replay-play').click();
    await page.waitForFunction(() => window.screens.length > 1);
    await page.getByTestId('replay-play').filter({ hasText: '播放' }).waitFor();
    assert.equal(await slider.inputValue(), max, 'it ends by itself, at the end');
    await until(past.at(-1).position);
    const screens = (await page.evaluate(() => window.screens)).map((text) => JSON.parse(text));
    // The first are those from before it began anew.
    const played = screens.slice(screens.findIndex(({ position }) => position === past[0].position));
    for (const shown of played) {
      const what = `×${speed}, ${shown.time}, position ${shown.position}`;
      const { order, phases, caption } = thenAt(shown.position);
      assert.deepEqual({ order: shown.order, phases: shown.phases, caption: shown.caption }, { order, phases, caption }, what);
      const second = Date.parse(`${shown.time.replace(' ', 'T')}+08:00`);
      const newest = moments.findLast(({ position }) => position <= shown.position);
      const next = moments.find(({ at, position }) => position > shown.position && at > newest.at);
      assert.ok(newest.at < second + 1000, `${what}: the clock is not behind the rows`);
      assert.ok(!next || second <= next.at, `${what}: the clock is not ahead of the rows`);
    }
    const frames = new Set(played.map(({ position }) => position)).size;
    assert.ok(frames >= (speed === 10 ? 3 : 2), `×${speed} shows the way, not only its end: ${frames} frames`);
  }
  page.assertClean(node.console);
});
