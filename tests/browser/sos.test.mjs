// The button page where nothing gets through.
//
// For: what somebody holds in their hand without a network, or when the server does not keep the press: it says so, names 120, and goes on
// trying until it is taken.
// May not know: how often it tries.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { onStage, openPage, scan } from './lib.mjs';

let node;
let browser;
onStage((made) => ({ node, browser } = made));

async function button(hash = '') {
  const page = await openPage(browser, { width: 360, height: 640, mobile: true });
  const [device] = node.deviceList;
  await page.goto(`${node.devices}/sos?device=${device.device}${hash && `#key=${device.key}`}`);
  return page;
}
const state = (page, name) => page.locator(`[data-testid="sos-state"][data-state="${name}"]`).waitFor();
const words = (page) => page.getByTestId('sos-words').innerText();

test('without a network the page says that nothing has got through, and sends it when there is one', async () => {
  const page = await button('key');
  await page.context().setOffline(true);
  await page.getByTestId('sos-button').click();
  await state(page, 'failed');
  assert.match(await words(page), /还没有送到[^]*120[^]*Not delivered/);
  await scan(page, '/sos while nothing gets through');
  await page.context().setOffline(false);
  await page.locator('[data-testid="sos-state"]:is([data-state="received"], [data-state="seeking"], [data-state="heard"])').waitFor();
  const press = await page.evaluate(() => JSON.parse(localStorage.getItem(Object.keys(localStorage)[0])).latest);
  assert.ok((await node.stage(node.deviceList[0], press)).incident, 'it is the press that was made');
});

test('a press that the server does not keep is not said to be received', async () => {
  const page = await button();
  const refusals = [503, 429, 429];
  await page.route('**/v1/signals', (route) => {
    const status = refusals.shift();
    if (!status) return route.continue();
    return route.fulfill({ status, contentType: 'application/problem+json', body: JSON.stringify({ retry: { base_ms: 100, cap_ms: 200 } }) });
  });
  const seen = [];
  await page.exposeFunction('sawState', (name) => seen.push([name, refusals.length]));
  await page.evaluate(() => {
    new MutationObserver(() => window.sawState(document.body.dataset.state)).observe(document.body, { attributeFilter: ['data-state'] });
  });
  await page.getByTestId('sos-button').click();
  await state(page, 'received');
  assert.deepEqual(refusals, [], 'all three were tried again');
  assert.ok(seen.some(([name]) => name === 'failed'), 'it said that it had not got through');
  assert.ok(!seen.some(([name, left]) => name === 'received' && left > 0), `received only when it was kept: ${JSON.stringify(seen)}`);
  assert.match(await words(page), /尚未登记[^]*120/);
});
