// The doors' own description in a browser.
//
// For: Swagger UI on both doors from inside the program, under a strict policy, with nothing asked of any other server; and
// a question really asked from there.
// May not know: what the document says; the journeys hold it against the doors.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { onStage, openPage } from './lib.mjs';

let node;
let browser;
onStage((made) => ({ node, browser } = made));

for (const door of ['console', 'devices']) {
  test(`the ${door} door shows every operation it documents and asks nobody else`, async () => {
    const document = await (await fetch(`${node[door]}/openapi.json`)).json();
    const operations = Object.values(document.paths).flatMap((item) => Object.keys(item)).length;
    const page = await openPage(browser);
    await page.goto(`${node[door]}/docs`);
    await page.locator('.opblock').nth(operations - 1).waitFor();
    assert.equal(await page.locator('.opblock').count(), operations);
    assert.match(await page.locator('.info h1, .info h2').first().innerText(), /安铃/);
    // Dark where the system is, or where the desk was made so.
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.waitForFunction(() => document.documentElement.classList.contains('dark-mode'));
    assert.equal(await ground(), 'rgb(28, 32, 34)');
    await page.evaluate(() => localStorage.setItem('anling.theme', 'light'));
    await page.reload();
    await page.locator('.opblock').first().waitFor();
    assert.notEqual(await ground(), 'rgb(28, 32, 34)');
    page.assertClean(node[door]);
    await page.context().close();
  });
}

test('whoever is signed in can try a question out', async () => {
  const page = await openPage(browser);
  await page.goto(`${node.console}/docs`);
  const { name, password } = node.accounts.find((account) => account.scope === 'city');
  const status = await page.evaluate(
    async (body) => (await fetch('/v1/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status,
    JSON.stringify({ name, password }),
  );
  assert.equal(status, 200);
  const asked = page.locator('#operations-city-get_v1_sites');
  await asked.locator('.opblock-summary').click();
  await asked.locator('.try-out__btn').click();
  await asked.locator('.execute').click();
  const answer = asked.locator('.live-responses-table .response .response-col_status');
  await answer.first().waitFor();
  assert.match(await answer.first().innerText(), /200/);
  page.assertClean(node.console);
  await page.context().close();
});
