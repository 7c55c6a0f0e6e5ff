// Somebody presses again while the operator is closing the call.
//
// For: the refusal, the banner that must be looked at, also after a reload, and the closing that goes through afterwards; and
// what keys do while something else rings.
// May not know: revisions; what the operator sees is what counts.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { devicesNear, onStage, openPage, ringingIncident, scan, stationOperator, takeDuty } from './lib.mjs';

let node;
let browser;
onStage((made) => ({ node, browser } = made));

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
  // Loaded anew it is still not looked at.
  await page.reload();
  await page.locator(`[data-testid="queue-row"][data-incident="${incident}"]`).click();
  await page.getByTestId('repress-seen').waitFor();
  await page.keyboard.press('k');
  await page.getByTestId('repress-seen').waitFor({ state: 'detached' });
  await page.reload();
  await page.locator(`[data-testid="queue-row"][data-incident="${incident}"]`).click();
  await page.getByTestId('repress-banner').waitFor();
  assert.equal(await page.getByTestId('repress-seen').count(), 0, 'looked at stays looked at');
  await page.keyboard.press('r');
  await page.getByTestId('reason-ACCIDENT').check();
  await page.getByTestId('outcome-FALSE').check();
  await page.keyboard.press('Escape');
  await page.keyboard.press('r');
  assert.ok(await page.getByTestId('reason-ACCIDENT').isChecked(), 'what was filled in is still there');
  await page.keyboard.press('Control+Enter');
  await page.locator(`[data-testid="queue-row"][data-incident="${incident}"]`).waitFor({ state: 'detached' });
  await node.untilStage(device, press, 'done');
  page.assertClean(node.console);
});

test('while another call rings, space in a closing form takes the call and changes nothing that was chosen', async () => {
  const account = stationOperator(node);
  const [, first, second] = devicesNear(node, account);
  const page = await openPage(browser);
  await takeDuty(page, node, account);
  const row = (id) => page.locator(`[data-testid="queue-row"][data-incident="${id}"]`);
  await node.press(first);
  const incident = await ringingIncident(page);
  await page.keyboard.press('Space');
  await page.locator(`[data-incident="${incident}"].mine`).waitFor();
  await page.keyboard.press('r');
  await page.getByTestId('reason-ACCIDENT').check();
  await page.keyboard.press('Escape');
  await page.keyboard.press('r');
  const focused = () => page.evaluate(() => document.activeElement.dataset.testid);
  assert.equal(await focused(), 'reason-ACCIDENT', 'the focus is on what was chosen');
  await node.press(second);
  await page.locator('.dialog-alarm').waitFor();
  const other = await ringingIncident(page);
  await scan(page, 'a closing form while another call rings');
  await page.keyboard.press('Space');
  await page.locator(`[data-incident="${other}"].mine`).waitFor();
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  await row(incident).click();
  await page.locator(`[data-card="${incident}"]`).waitFor();
  await page.keyboard.press('r');
  assert.ok(await page.getByTestId('reason-ACCIDENT').isChecked(), 'the reason is the one that was chosen');
  await page.keyboard.press('Escape');

  // One key holds, the same lets go.
  await page.keyboard.press('h');
  await page.keyboard.press('Enter');
  await page.locator(`[data-incident="${incident}"][data-phase="held"]`).waitFor();
  await page.keyboard.press('h');
  await page.locator(`[data-incident="${incident}"]:not([data-phase="held"])`).waitFor();

  // Sent by a figure and Enter, after the code for the phone was looked at by keyboard.
  await page.keyboard.press('d');
  await page.getByTestId('send-submit').waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  const code = await page.getByTestId('phone-url').innerText();
  await page.getByTestId('link-local').waitFor();
  await page.keyboard.press('Escape');
  await page.getByTestId('phone-url').waitFor({ state: 'detached' });
  assert.match(await focused(), /^responder-/, 'the focus is on who goes');
  await page.keyboard.press('1');
  await page.keyboard.press('Enter');
  await page.locator('[data-testid^="leg-"]').waitFor();
  assert.equal(await page.getByTestId('phone-url').count(), 0, 'no second code');
  // Later, the code again, and back: each by its key.
  await page.keyboard.press('l');
  await page.keyboard.press('2');
  await page.locator('[data-testid="story"] [data-kind="ResponderDelayed"]').waitFor();
  await page.keyboard.press('q');
  await page.getByTestId('phone-url').waitFor();
  assert.notEqual(await page.getByTestId('phone-url').innerText(), code, 'each code works once');
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.locator('[data-testid^="leg-"]').waitFor({ state: 'detached' });
  page.assertClean(node.console);
  await page.context().close();
});
