// Browsers that cannot run the pages.
//
// For: a readable page with the duty phone's number, never a blank one, without scripts and with scripts that do not start.
// May not know: what makes a browser too old.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { onStage, scan } from './lib.mjs';

let node;
let browser;
let number;
onStage(async (made) => {
  ({ node, browser } = made);
  number = (await (await fetch(`${node.console}/v1/about`)).json()).duty_phone;
});

for (const where of ['/', '/m']) {
  test(`${where} without JavaScript says which number to ring`, async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, locale: 'zh-CN' });
    const page = await context.newPage();
    await page.goto(`${node.console}${where}`);
    const text = await page.locator('body').innerText();
    assert.match(text, /值班电话 ?\d{3,}/, 'a number to ring, in Chinese');
    assert.match(text, /duty phone\s+\d{3,}/, 'and in English');
    await context.close();
  });

  test(`${where} whose scripts do not start asks the server for the number and shows it`, async () => {
    const context = await browser.newContext({ locale: 'zh-CN' });
    const page = await context.newPage();
    await page.route('**/assets/*.js', (route) => route.abort());
    await page.goto(`${node.console}${where}`);
    await page.locator('html.too-old').waitFor();
    await page.locator('.duty-phone').filter({ hasText: number }).first().waitFor();
    assert.ok(await page.locator('main h1').isVisible(), 'the page is not blank');
    await scan(page, `${where} in a browser too old`);
    await context.close();
  });
}
