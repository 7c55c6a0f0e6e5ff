// A call that was closed too early is opened again.
//
// For: the closed list, the cause that is asked, the call ringing once more and worked to its end, the senior's device told.
// May not know: the lifecycle.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { devicesNear, onStage, openPage, ringingIncident, scan, stationOperator, takeDuty } from './lib.mjs';

let node;
let browser;
onStage((made) => ({ node, browser } = made));

test('a closed call that was not over rings again, is worked and closed once more', async () => {
  const account = stationOperator(node);
  const [device] = devicesNear(node, account);
  const page = await openPage(browser);
  await takeDuty(page, node, account);
  const press = await node.press(device);
  const incident = await ringingIncident(page);
  const row = page.locator(`[data-testid="queue-row"][data-incident="${incident}"]`);
  const close = async () => {
    await page.keyboard.press('Space');
    await page.locator(`[data-incident="${incident}"].mine`).waitFor();
    await page.keyboard.press('t');
    await page.locator(`[data-incident="${incident}"][data-phase="talking"]`).waitFor();
    await page.keyboard.press('r');
    await page.getByTestId('reason-ACCIDENT').check();
    await page.getByTestId('outcome-FALSE').check();
    await page.keyboard.press('Control+Enter');
    await row.waitFor({ state: 'detached' });
    await node.untilStage(device, press, 'done');
  };
  await close();

  await page.getByTestId('tab-closed').click();
  await page.locator(`[data-testid="closed-row"][data-incident="${incident}"]`).click();
  await page.getByTestId('reopen').click();
  await scan(page, 'why a call is opened again');
  await page.getByTestId('reopen-called_again').click();
  // It rings as a new one does, and the page goes where it is worked.
  assert.equal(await ringingIncident(page), incident);
  await node.untilStage(device, press, 'seeking');
  await page.getByTestId('accept-card').waitFor();

  await close();
  await page.getByTestId('tab-closed').click();
  await page.locator(`[data-testid="closed-row"][data-incident="${incident}"]`).waitFor();
  page.assertClean(node.console);
});
