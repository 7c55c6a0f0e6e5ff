// Somebody presses again while the operator is closing the call.
//
// For: the refusal, the banner that must be looked at, and the closing that goes through afterwards.
// May not know: revisions; what the operator sees is what counts.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { devicesNear, openBrowser, openPage, ringingIncident, scan, startAnling, stationOperator, takeDuty } from './lib.mjs';

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

test('a press that joins while the closing form is open refuses the closing until it has been looked at', async () => {
  const account = stationOperator(node);
  const [device] = devicesNear(node, account);
  const page = await openPage(browser);
  await takeDuty(page, node, account);
  const press = await node.press(device);
  const incident = await ringingIncident(page);
  await page.keyboard.press('Space');
  await page.locator('[data-testid="queue-row"].mine').waitFor();
  await page.keyboard.press('t');
  await page.locator('[data-testid="queue-row"][data-phase="talking"]').waitFor();

  await page.keyboard.press('r');
  await page.getByTestId('reason-ACCIDENT').check();
  await page.getByTestId('outcome-FALSE').check();
  await node.press(device);
  await page.getByTestId('repress-banner').waitFor();
  await page.getByTestId('resolve-submit').click();
  await page.getByTestId('toast').filter({ hasText: '老人又按了一次' }).waitFor();
  assert.equal((await node.stage(device, press)).stage, 'heard', 'nothing was closed');

  // The form makes way for the banner.
  await page.getByTestId('resolve-submit').waitFor({ state: 'detached' });
  await scan(page, 'a card with a press not looked at');
  await page.getByTestId('repress-seen').click();
  await page.getByTestId('repress-seen').waitFor({ state: 'detached' });
  await page.keyboard.press('r');
  assert.ok(await page.getByTestId('reason-ACCIDENT').isChecked(), 'what was filled in is still there');
  await page.keyboard.press('Control+Enter');
  await page.locator(`[data-testid="queue-row"][data-incident="${incident}"]`).waitFor({ state: 'detached' });
  await node.untilStage(device, press, 'done');
  page.assertClean(node.console);
});
