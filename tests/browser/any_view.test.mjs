// What rings is taken by one key, whatever is on the screen.
//
// For: the map, the closed calls and the replay, each while a call comes in.
// May not know: how a view is made.

import { test } from 'node:test';
import { devicesNear, onStage, openPage, stationOperator, takeDuty } from './lib.mjs';

let node;
let browser;
onStage((made) => ({ node, browser } = made));

test('a call is accepted with the space bar on the map, among the closed ones and in the replay', async () => {
  const account = stationOperator(node);
  const devices = devicesNear(node, account);
  const page = await openPage(browser);
  await takeDuty(page, node, account);
  for (const [nth, view] of ['Alt+2', 'Alt+3', 'Alt+4'].entries()) {
    await page.keyboard.press(view);
    await node.press(devices[nth]);
    await page.getByTestId('accept').waitFor();
    await page.keyboard.press('Space');
    const taken = (count) => page.waitForFunction((count) => document.querySelectorAll('[data-testid="queue-row"].mine').length === count, count);
    await taken(nth + 1);
  }
  page.assertClean(node.console);
});
