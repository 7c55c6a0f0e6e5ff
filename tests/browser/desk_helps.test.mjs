// A desk that helps beside the owner, a note half written when another call comes, and a number that calls.
//
// For: support answered by key, somebody sent by the desk that answered; the note that is there again; who is found by a
// telephone number, by whom, and that it is written down.
// May not know: revisions, positions; what the operators see is what counts.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { apiOf, binary, devicesNear, onStage, openPage, ringingIncident, scan, stationOperator, takeDuty } from './lib.mjs';

let node;
let browser;
onStage((made) => ({ node, browser } = made));

const account = (name) => node.accounts.find((one) => one.name === name);

test('a desk that answers for support sends somebody, and takes the call off nobody', async () => {
  const station = stationOperator(node);
  const devices = devicesNear(node, station);
  const page = await openPage(browser);
  await takeDuty(page, node, station);
  await node.press(devices[0]);
  const incident = await ringingIncident(page);
  await page.keyboard.press('Space');
  await page.locator('[data-testid="queue-row"].mine').waitFor();
  const ask = await apiOf(node, station);
  const { can_send: options } = await ask('GET', `/v1/incidents/${incident}`);
  await page.keyboard.press('d');
  await page.getByTestId('send-submit').waitFor();
  await page.keyboard.press('Enter');
  await page.locator('[data-testid^="leg-"]').waitFor();

  // A note is half written when another call comes and is taken: it is there again, and goes once.
  await page.keyboard.press('n');
  await page.getByTestId('text').fill('左腿痛，站不起来');
  await node.press(devices[1]);
  await page.locator('.dialog-alarm').waitFor();
  await page.keyboard.press('F1');
  await page.getByTestId('text').waitFor({ state: 'detached' });
  await page.locator('[data-testid="queue-row"].mine').nth(1).waitFor();
  await page.locator(`[data-incident="${incident}"]`).click();
  await page.locator(`[data-card="${incident}"]`).waitFor();
  await page.keyboard.press('n');
  assert.equal(await page.getByTestId('text').inputValue(), '左腿痛，站不起来');
  await page.keyboard.press('Control+Enter');
  await page.getByTestId('text').waitFor({ state: 'detached' });
  await page.locator(`[data-card="${incident}"]`).filter({ hasText: '站不起来' }).waitFor();
  await page.keyboard.press('n');
  assert.equal(await page.getByTestId('text').inputValue(), '');
  await page.keyboard.press('Escape');

  const desk = await openPage(browser);
  await takeDuty(desk, node, account('desk-230102-b'));
  await page.getByTestId('ask-support').click();
  await desk.locator(`[data-testid="queue-row"].rings[data-incident="${incident}"]`).waitFor();
  assert.match(await desk.getByTestId('accept').innerText(), /应答支援/);
  await desk.keyboard.press('Space');
  await desk.locator(`[data-card="${incident}"]`).waitFor();
  await desk.locator('[data-testid="queue-row"].rings').waitFor({ state: 'detached' });
  assert.equal(await desk.locator('[data-testid="queue-row"].mine').count(), 0, 'it stays whose it was');
  await scan(desk, 'a desk that helps');
  await desk.keyboard.press('d');
  await desk.getByTestId('send-submit').waitFor();
  await desk.keyboard.press('Enter');
  await page.locator('[data-testid^="leg-"]').nth(1).waitFor();
  assert.ok(options.length > 1, 'there was somebody else to send');
  desk.assertClean(node.console);
  page.assertClean(node.console);
});

test('a number that calls finds its resident for whoever may look, and the look is written down', async () => {
  const supervisor = account('supervisor-1');
  const ask = await apiOf(node, supervisor);
  const free = node.deviceList.find((one) => one.resident && one.district !== '230102');
  const record = await ask('GET', `/v1/residents/${free.resident}`);

  // Whoever has nothing to do with them finds nobody.
  const station = await openPage(browser);
  await takeDuty(station, node, stationOperator(node));
  const askFor = async (page, phone) => {
    await page.keyboard.press('/');
    await page.getByTestId('find-phone').fill(phone);
    await page.keyboard.press('Enter');
  };
  await askFor(station, record.phone);
  await station.getByTestId('find-none').waitFor();
  await scan(station, 'nobody found by a number');

  const page = await openPage(browser);
  await takeDuty(page, node, supervisor);
  await askFor(page, `+86 ${record.phone.replace(/-/g, ' ').slice(1)}`);
  await page.getByTestId(`found-${free.resident}`).filter({ hasText: record.name }).waitFor();
  await page.waitForFunction(() => document.activeElement?.dataset.testid?.startsWith('found-'));
  await page.keyboard.press('Enter');
  await page.getByTestId('found-record').filter({ hasText: record.contacts[0]?.name ?? record.name }).waitFor();
  await scan(page, 'a record found by a number');
  await page.keyboard.press('Escape');
  await page.getByTestId('found-record').waitFor({ state: 'detached' });
  const { stdout } = await promisify(execFile)(await binary(), ['log', 'read', '--stream', `resident-${free.resident}`, '--data', node.data]);
  assert.match(stdout, /telephone number/);
  assert.match(stdout, /supervisor-1/);

  // Somebody who is calling just now: the number opens the call.
  const [near] = devicesNear(node, stationOperator(node)).slice(2);
  await node.press(near);
  await page.locator('[data-testid="queue-row"]').first().waitFor();
  const calling = await ask('GET', `/v1/residents/${near.resident}`);
  await askFor(page, calling.phone);
  const found = page.getByTestId(`found-${near.resident}`);
  await found.filter({ hasText: '有求助' }).waitFor();
  await found.click();
  await page.getByTestId('person').filter({ hasText: calling.name }).waitFor();
  page.assertClean(node.console);
  station.assertClean(node.console);
});
