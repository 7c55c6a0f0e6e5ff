// A press when no console is attached.
//
// For: the duty phone that rings at once, and the digit that accepts.
// May not know: how the telephone is told; the demo's visible telephone stands for it.

import { test } from 'node:test';
import { onStage, openPage, scan } from './lib.mjs';

/** The promise: nobody can see it, so the telephone rings at once. Milliseconds, the page's own second included. */
const RINGS_WITHIN_MS = 3_000;

let node;
let browser;
onStage((made) => ({ node, browser } = made));

test('with nobody before a screen the duty phone rings at once, and 1 accepts', async () => {
  const page = await openPage(browser, { width: 360, height: 640, mobile: true });
  await page.goto(`${node.console}/demo/phone`);
  await page.getByText('没有来电').waitFor();
  const device = node.deviceList[0];
  const press = await node.press(device);
  await page.locator('li.ringing').first().waitFor({ timeout: RINGS_WITHIN_MS });
  await scan(page, 'the ringing duty phone');
  await page.getByTestId('phone-1').first().tap();
  await page.locator('li.answered').first().waitFor();
  await node.untilStage(device, press, 'heard');
  page.assertClean(node.console);
});
