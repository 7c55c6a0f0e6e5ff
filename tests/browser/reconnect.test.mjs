// The server dies while a call is in hand, and comes back.
//
// For: what the page keeps and says meanwhile, that it misses nothing afterwards, and that a command is done once however
// often it had to be sent.
// May not know: how a line is resumed; the test cuts it and looks at the screen and at the record.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { apiOf, devicesNear, onStage, openPage, ringingIncident, scan, stationOperator, takeDuty } from './lib.mjs';

let node;
let browser;
onStage((made) => ({ node, browser } = made));

const linesOf = (story, kind) => story.events.filter((line) => line.kind === kind);

test('killed and started again, the server finds the page with its numbers, its commands, and nothing missed', async () => {
  const account = stationOperator(node);
  const [first, second] = devicesNear(node, account);
  const page = await openPage(browser);
  await takeDuty(page, node, account);
  const press = await node.press(first);
  const incident = await ringingIncident(page);
  await page.keyboard.press('Space');
  const card = page.locator(`[data-testid="card"][data-card="${incident}"]`);
  await page.locator('[data-testid="queue-row"].mine').waitFor();
  await node.untilStage(first, press, 'heard');
  const number = await page.getByTestId('resident-phone').innerText();

  await node.end('SIGKILL');
  await page.getByTestId('offline-banner').waitFor();
  assert.match(await page.getByTestId('offline-banner').innerText(), /\d:\d\d/, 'it says how old this is');
  assert.equal(await page.getByTestId('queue-row').count(), 1, 'the open incident stays');
  assert.equal(await page.getByTestId('resident-phone').innerText(), number, 'with the number to ring');
  await scan(page, 'the desk without a server');
  // Called back meanwhile: the result waits in the page.
  await page.keyboard.press('c');
  await page.keyboard.press('1');
  await page.getByTestId('offline-banner').filter({ hasText: /有 1 个操作/ }).waitFor();

  // The server is back before the page is: a press is made that the page cannot hear of yet.
  await page.context().setOffline(true);
  await node.start();
  const away = await node.press(second);
  assert.ok(['received', 'seeking'].includes((await node.stage(second, away)).stage), 'taken, and nobody has it');
  assert.equal(await page.getByTestId('queue-row').count(), 1);
  await page.context().setOffline(false);

  await page.getByTestId('offline-banner').waitFor({ state: 'detached' });
  await page.locator(`[data-testid="queue-row"].rings:not([data-incident="${incident}"])`).waitFor();
  await card.getByTestId('tried-0').filter({ hasText: '接通' }).waitFor();
  const ask = await apiOf(node, account);
  assert.equal(linesOf(await ask('GET', `/v1/incidents/${incident}/events`), 'ContactTried').length, 1, 'acted once');
  assert.equal((await node.stage(first, press)).stage, 'heard', 'the call is still in the same hands');
  // The new one can be taken: the page is on duty again by itself.
  await page.keyboard.press('Space');
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="queue-row"].mine').length === 2);
  await node.untilStage(second, away, 'heard');
  page.assertClean(node.console);
  await page.context().close();
});

test('a command whose answer was lost with the line is sent again and acts once', async () => {
  const account = node.accounts.filter((one) => one.button && one.site?.startsWith('HRB-') && !one.cast)[1];
  const device = devicesNear(node, account)[4];
  const page = await openPage(browser);
  let sent = [];
  let lose = false;
  let line;
  await page.routeWebSocket(/\/v1\/console/, (socket) => {
    line = socket;
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const message = JSON.parse(text);
      if (message.t === 'command') sent.push(message.command.id);
      server.send(text);
    });
    server.onMessage((text) => {
      // The command was done; its answer never arrives, and the line breaks.
      if (lose && JSON.parse(text).t === 'result') {
        lose = false;
        void socket.close({ code: 4000 });
        void server.close();
      } else socket.send(text);
    });
  });
  await takeDuty(page, node, account);
  const press = await node.press(device);
  await node.untilStage(device, press, 'received');
  const incident = await ringingIncident(page);
  await page.keyboard.press('Space');
  await page.locator(`[data-incident="${incident}"].mine`).waitFor();
  assert.ok(line, 'the line goes through the test’s hands');
  sent = [];
  lose = true;
  await page.keyboard.press('c');
  await page.keyboard.press('2');
  await page.getByTestId('tried-0').waitFor();
  await page.waitForFunction(() => !document.querySelector('.sending'));
  assert.deepEqual(new Set(sent).size, 1, 'one command');
  assert.ok(sent.length >= 2, `sent again after the line was back: ${sent.length}`);
  const ask = await apiOf(node, account);
  assert.equal(linesOf(await ask('GET', `/v1/incidents/${incident}/events`), 'ContactTried').length, 1, 'acted once');
  page.assertClean(node.console);
  await page.context().close();
});

test('loaded anew the page is on duty again, and without a server it shows the open incidents with their numbers', async () => {
  const account = node.accounts.filter((one) => one.button && one.site?.startsWith('HRB-') && !one.cast)[0];
  const device = devicesNear(node, account)[6];
  const page = await openPage(browser);
  await takeDuty(page, node, account);
  await node.press(device);
  await page.locator('[data-testid="queue-row"].rings').first().waitFor();
  await page.keyboard.press('Space');
  await page.locator('[data-testid="queue-row"].mine').first().waitFor();
  await page.reload();
  await page.locator('[data-testid="queue-row"].mine').first().waitFor();
  await page.getByTestId('sound-banner').waitFor();
  await page.keyboard.press('Shift');
  await page.getByTestId('sound-banner').waitFor({ state: 'detached' });
  const number = await page.getByTestId('resident-phone').innerText();
  await page.route('**/v1/**', (route) => route.abort());
  await page.reload();
  await page.getByTestId('offline-list').getByText(number).first().waitFor();
  await scan(page, 'the kept incidents');
  await page.unroute('**/v1/**');
  await page.getByTestId('status-bar').waitFor();
  await page.locator('[data-testid="queue-row"].mine').first().waitFor();
  page.assertClean(node.console);
  await page.context().close();
});

test('loaded anew without a server the desk opens, keeps what waits, and sends it once afterwards', async () => {
  const account = node.accounts.filter((one) => one.button && one.site?.startsWith('HRB-') && !one.cast)[0];
  const device = devicesNear(node, account)[5];
  const page = await openPage(browser);
  await takeDuty(page, node, account);
  await page.waitForFunction(async () => (await navigator.serviceWorker.ready).active?.state === 'activated');
  await page.waitForFunction(async () => (await caches.keys()).includes('anling-desk') && Boolean(await caches.match('/')));
  await node.press(device);
  const incident = await ringingIncident(page);
  await page.waitForFunction((id) => sessionStorage.getItem('anling.open-incidents')?.includes(id), incident);

  await node.end('SIGKILL');
  await page.getByTestId('offline-banner').waitFor();
  await page.keyboard.press('Space');
  await page.getByTestId('offline-banner').filter({ hasText: /有 1 个操作/ }).waitFor();
  await page.reload();
  const kept = page.locator('.offline-card').filter({ has: page.getByTestId('offline-waits') });
  await kept.filter({ hasText: '接单' }).waitFor();
  assert.match(await page.getByTestId('offline-list').innerText(), /\d:\d\d 前/, 'it says how old this is');
  await page.getByTestId('offline-pending').waitFor();
  await scan(page, 'the desk opened without a server');

  await node.start();
  await page.locator(`[data-testid="queue-row"][data-incident="${incident}"].mine`).waitFor({ timeout: 30_000 });
  const ask = await apiOf(node, account);
  assert.equal(linesOf(await ask('GET', `/v1/incidents/${incident}/events`), 'Accepted').length, 1, 'accepted once');
  assert.equal(await page.evaluate(() => sessionStorage.getItem('anling.waiting')), null, 'nothing waits any more');

  // Signed out, nothing of anybody is left in the tab, and none of it in what the worker keeps.
  await page.getByTestId('me').click();
  await page.getByTestId('sign-out').click();
  await page.getByTestId('sign-in-name').waitFor();
  const left = await page.evaluate(() => Object.keys(sessionStorage));
  assert.deepEqual(left.filter((key) => !['anling.console', 'anling.reloaded'].includes(key)), []);
  const files = await page.evaluate(async () => (await (await caches.open('anling-desk')).keys()).map(({ url }) => new URL(url).pathname));
  assert.deepEqual(files.filter((path) => !/^\/($|assets\/|bell\.svg$|too-old\.js$)/.test(path)), []);
  page.assertClean(node.console);
});
