// One press, from the button to the closed incident.
//
// For: the main job in a real browser: the desk rings and accepts with one key, calls back, sends a carer whose phone
// has no network between setting out and arriving, closes by keyboard; the presser's page says how far help is.
// May not know: how the pages are made; tests use data-testid and visible words only.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { apiOf, devicesNear, listen, onStage, openPage, ringingIncident, scan, stationOperator, takeDuty } from './lib.mjs';

let node;
let browser;
onStage((made) => ({ node, browser } = made));

test('a press is answered with one key, a carer without network goes there, and every stage is told to the presser', async () => {
  const account = stationOperator(node);
  const [device] = devicesNear(node, account);
  const desk = await openPage(browser);
  await listen(desk);
  await desk.goto(`${node.console}/`);
  await desk.getByTestId('sign-in').waitFor();
  await scan(desk, 'sign-in');
  await takeDuty(desk, node, account);
  await desk.getByTestId('count-waiting').waitFor();
  await scan(desk, 'the quiet desk');
  const quietTitle = await desk.title();

  const sos = await openPage(browser, { width: 360, height: 640, mobile: true });
  await listen(sos);
  await sos.goto(`${node.devices}/sos?device=${device.device}#key=${device.key}`);
  const stage = (name) => sos.locator(`[data-testid="sos-state"][data-state="${name}"]`);
  await stage('idle').waitFor();
  await scan(sos, '/sos before the press');

  // A press as a device or curl makes it: the desk rings, aloud, in the title, and for a screen reader.
  const press = await node.press(device);
  assert.equal((await node.stage(device, press)).stage, 'received');
  const incident = await ringingIncident(desk);
  await desk.waitForFunction(() => document.querySelector('[data-testid="announcement"]').textContent.trim() !== '');
  assert.match(await desk.getByTestId('announcement').innerText(), /紧急呼叫/);
  await desk.waitForFunction(() => window.saidAloud.some((words) => words.includes('紧急呼叫')));
  await desk.waitForFunction((title) => document.title !== title, quietTitle);
  await scan(desk, 'the ringing desk');
  // Its tone was really started: the log says so, and nobody is rung early for want of it.
  const ask = await apiOf(node, account);
  const sounded = async () => (await ask('GET', `/v1/incidents/${incident}`)).offer.rung.some((one) => one.sounded);
  for (const end = Date.now() + 2_500; !(await sounded()); ) {
    assert.ok(Date.now() < end, 'the page sounds within the three seconds it has');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  // The same person presses again on the phone page: it joins, and is told the same stages.
  await sos.getByTestId('sos-button').click();
  await stage('received').or(stage('seeking')).waitFor();
  await desk.getByTestId('repress-banner').waitFor();
  assert.equal(await desk.getByTestId('queue-row').count(), 1, 'a second press of one person is no second incident');

  await desk.keyboard.press('Space');
  const card = desk.locator(`[data-testid="card"][data-card="${incident}"]`);
  await card.waitFor();
  await desk.locator('[data-testid="queue-row"].mine').waitFor();
  await desk.waitForFunction((title) => document.title === title, quietTitle);
  await stage('heard').waitFor();
  assert.equal((await node.untilStage(device, press, 'heard')).incident, incident);
  await scan(desk, 'a card in hand');
  if (await desk.getByTestId('repress-seen').isVisible()) await desk.getByTestId('repress-seen').click();

  // Called back: C dials, 1 says that she was reached.
  const resident = await card.getByTestId('person').innerText();
  const name = resident.split(/\s/)[0];
  await desk.keyboard.press('c');
  await desk.getByTestId('call-results').waitFor();
  await desk.keyboard.press('1');
  await desk.getByTestId('tried-0').filter({ hasText: '接通' }).waitFor();

  // A carer is sent: D opens the list with the soonest chosen, a number takes the station's own carer, Enter sends.
  const { can_send: options } = await ask('GET', `/v1/incidents/${incident}`);
  await desk.keyboard.press('d');
  await desk.getByTestId('send-submit').waitFor();
  assert.ok(await desk.getByTestId(`responder-${options.find((one) => !one.busy).responder}`).isChecked(), 'the soonest is chosen');
  await scan(desk, 'who goes there');
  const own = options.findIndex((one) => one.site === account.site);
  assert.ok(own >= 0, 'somebody of the station can go');
  await desk.keyboard.press(String(own + 1));
  await desk.keyboard.press('Enter');
  const leg = card.locator('[data-testid^="leg-"]');
  await leg.waitFor();
  // Sent is not gone: the desk and the device say so until the carer has set out.
  await leg.filter({ hasText: '已派出' }).waitFor();
  await sos.locator('body').filter({ hasText: '已派' }).waitFor();
  await desk.getByTestId('phone-link').click();
  const url = await desk.getByTestId('phone-url').innerText();
  await desk.getByTestId('phone-qr').waitFor();
  await scan(desk, 'the code for the carer’s phone');
  await desk.keyboard.press('Escape');

  // The carer's phone: out of the code, on the way, no network, there.
  const phone = await openPage(browser, { width: 360, height: 640, mobile: true });
  await phone.goto(url);
  await phone.getByTestId('m-depart').waitFor();
  assert.ok((await phone.getByTestId('m-screen').innerText()).includes(name), 'the carer sees who it is');
  await scan(phone, '/m with a call');
  await phone.getByTestId('m-depart').tap();
  await phone.getByTestId('m-arrive').waitFor();
  await phone.getByTestId('m-outbox').waitFor({ state: 'detached' });
  await leg.filter({ hasText: '已出发' }).waitFor();
  await stage('coming').waitFor();
  await node.untilStage(device, press, 'coming');
  await phone.context().setOffline(true);
  await phone.getByTestId('m-offline').waitFor();
  await phone.getByTestId('m-arrive').tap();
  await phone.getByTestId('m-outbox').filter({ hasText: '已到达' }).waitFor();
  await scan(phone, '/m without network');
  assert.equal((await node.stage(device, press)).stage, 'coming', 'what was not sent is not told');
  await phone.context().setOffline(false);
  await phone.getByTestId('m-outbox').waitFor({ state: 'detached' });
  await node.untilStage(device, press, 'arrived');
  await stage('arrived').waitFor();
  await scan(sos, '/sos with help there');

  // Closed by keyboard: R, what it was, what was done (known already), how it ended, Ctrl+Enter.
  await desk.locator('[data-testid="queue-row"][data-phase="on_site"]').waitFor();
  await desk.keyboard.press('r');
  await desk.getByTestId('resolve-submit').waitFor();
  await scan(desk, 'the closing form');
  await desk.keyboard.press('1');
  await desk.keyboard.press('Enter');
  assert.ok(await desk.getByTestId('action-TALKED').isChecked(), 'the record already says that they talked');
  assert.ok(await desk.getByTestId('action-STATION-VISIT').isChecked(), 'and that somebody was there');
  await desk.keyboard.press('Enter');
  await desk.keyboard.press('1');
  await desk.keyboard.press('Control+Enter');
  await desk.locator(`[data-testid="queue-row"][data-incident="${incident}"]`).waitFor({ state: 'detached' });
  await stage('done').waitFor();
  await node.untilStage(device, press, 'done');

  // The carer's phone forgets the person.
  await phone.getByTestId('m-gone').waitFor();
  assert.ok(!(await phone.locator('body').innerText()).includes(name), 'nothing personal stays on the screen');
  const stored = await phone.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert.ok(!stored.includes(name), 'nor in the phone');
  await scan(phone, '/m after the call');

  const said = (await sos.saidAloud()).join('|');
  for (const words of ['呼叫已收到', '已接单', '已出发', '已到达', '本次求助已办结']) assert.ok(said.includes(words), `${words} was said: ${said}`);
  const closed = await ask('GET', `/v1/incidents/${incident}`);
  assert.deepEqual([closed.phase, closed.closing.reason, closed.closing.outcome], ['resolved', 'FALL', 'SAFE']);
  desk.assertClean(node.console);
  phone.assertClean(node.console);
  sos.assertClean(node.devices);
});
