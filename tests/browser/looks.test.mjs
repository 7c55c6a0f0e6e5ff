// How every page looks, at every size, in both languages and both themes.
//
// For: nothing wider than its window or its dialog, no button whose words are cut off, no Chinese left on an English page
// unless it is marked as Chinese, nothing serious found by axe, in the light theme and on a telephone either. With
// ANLING_SHOTS=<folder> every look is kept as a picture there.
// May not know: colours and places; pictures are for people.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { apiOf, devicesNear, onStage, openPage, ringingIncident, scan, signOn, stationOperator } from './lib.mjs';

const SCREENS = [
  { width: 1280, height: 720 },
  { width: 1366, height: 768 },
  { width: 1920, height: 1080 },
];
const HAND = { width: 360, height: 640 };
/** The desk is worked at a desk, and must bear a telephone. */
const DESKS = [...SCREENS, HAND];
const shots = process.env.ANLING_SHOTS;

let node;
let browser;
let account;
onStage(async (made) => {
  ({ node, browser } = made);
  account = stationOperator(node);
  if (shots) await mkdir(shots, { recursive: true });
});

/** What is wider than it should be, in words. */
function tooWide(page) {
  return page.evaluate(() => {
    const wrong = [];
    const { scrollWidth, clientWidth } = document.documentElement;
    const body = document.querySelector('dialog[open] .dialog-body');
    if (body && body.scrollWidth > body.clientWidth) wrong.push(`the dialog is ${body.scrollWidth} wide in ${body.clientWidth}`);
    if (scrollWidth > clientWidth) wrong.push(`the page is ${scrollWidth} wide in a window of ${clientWidth}`);
    for (const button of document.querySelectorAll('button, a.button')) {
      const box = button.getBoundingClientRect();
      if (box.width === 0 || box.height === 0) continue;
      const words = (button.innerText || button.getAttribute('aria-label') || '').replace(/\s+/g, ' ').slice(0, 40);
      if (button.scrollWidth > button.clientWidth + 1) wrong.push(`"${words}" is cut off sideways`);
      if (button.scrollHeight > button.clientHeight + 1) wrong.push(`"${words}" is cut off below`);
    }
    return wrong;
  });
}

/** Chinese words on an English page that are not marked as Chinese. */
function unmarked(page) {
  return page.evaluate(() => {
    const chinese = /\p{Script=Han}/u;
    const found = [];
    const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = words.nextNode(); node; node = words.nextNode()) {
      const text = node.textContent.trim();
      const around = node.parentElement?.closest('[lang], noscript, script, style');
      if (chinese.test(text) && around?.getAttribute('lang') === 'en') found.push(`"${text}" is Chinese`);
    }
    for (const name of ['title', 'aria-label', 'placeholder', 'alt'])
      for (const element of document.querySelectorAll(`[${name}]`)) {
        const text = element.getAttribute(name);
        if (chinese.test(text)) found.push(`${name} "${text}" is Chinese`);
      }
    return found;
  });
}

/** One look: nothing too wide, at each size; axe at the middle one and on a telephone, in both themes. */
async function look(page, name, sizes = SCREENS) {
  const wrong = [];
  for (const [n, size] of sizes.entries()) {
    await page.setViewportSize(size);
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    const label = `${name} at ${size.width}×${size.height}`;
    wrong.push(...(await tooWide(page)).map((what) => `${label}: ${what}`));
    if (n === 0 && name.endsWith(' en')) wrong.push(...(await unmarked(page)).map((what) => `${label}: ${what}`));
    const picture = async (theme) => shots && (await page.screenshot({ path: path.join(shots, `${name.replace(/[^\w]+/g, '-')}-${size.width}x${size.height}${theme}.png`) }));
    await picture('');
    const themes = (await page.evaluate(() => document.documentElement.dataset.theme)) ? ['dark', 'light'] : [undefined];
    // Once at a desk's size and once at a telephone's.
    const scanned = n === Math.min(1, sizes.length - 1) || size === HAND;
    for (const theme of scanned ? themes : []) {
      if (theme) await page.evaluate((theme) => (document.documentElement.dataset.theme = theme), theme);
      await scan(page, `${label} ${theme ?? ''}`).catch((error) => wrong.push(error.message));
      if (theme === 'light') await picture('-light');
    }
    if (themes[1]) await page.evaluate(() => (document.documentElement.dataset.theme = 'dark'));
  }
  return wrong;
}

/** The page in both languages. */
async function inBoth(page, name, sizes, change) {
  const wrong = [];
  for (const language of ['zh', 'en']) {
    await change(language);
    wrong.push(...(await look(page, `${name} ${language}`, sizes)));
  }
  return wrong;
}

test('the desk is whole at every size, in Chinese and English', async () => {
  const page = await openPage(browser);
  const wrong = [];
  // Before anybody is on duty the page is simply loaded anew in the other language.
  const reloaded = (ready) => async (wanted) => {
    await page.evaluate((wanted) => localStorage.setItem('anling.language', wanted), wanted);
    await page.reload();
    await page.getByTestId(ready).waitFor();
  };
  await page.goto(`${node.console}/`);
  await page.locator('[data-testid^="demo-role-"]').first().waitFor();
  wrong.push(...(await inBoth(page, 'sign-in', DESKS, reloaded('sign-in'))));
  await page.evaluate(() => localStorage.setItem('anling.language', 'zh'));
  await signOn(page, node, account);
  await page.getByTestId('sound-play').waitFor();
  wrong.push(...(await inBoth(page, 'sign-on', DESKS, reloaded('sound-play'))));
  await reloaded('sound-play')('zh');
  await page.getByTestId('sound-play').click();
  await page.getByTestId('sound-heard').click();
  await page.getByTestId('sign-on').click();
  await page.getByTestId('status-bar').waitFor();

  // Six open incidents, one closed, one in hand with somebody on the way.
  const devices = devicesNear(node, account);
  const kinds = ['sos', 'fall', 'sos', 'gas', 'service', 'smoke', 'sos'];
  await node.press(devices[0]);
  const closed = await ringingIncident(page);
  await page.keyboard.press('Space');
  await page.locator('[data-testid="queue-row"].mine').waitFor();
  await page.keyboard.press('r');
  for (const code of ['reason-ACCIDENT', 'action-TALKED', 'outcome-SAFE']) await page.getByTestId(code).check();
  await page.keyboard.press('Control+Enter');
  await page.locator(`[data-incident="${closed}"]`).waitFor({ state: 'detached' });
  await node.press(devices[1], kinds[1]);
  const mine = await ringingIncident(page);
  await page.keyboard.press('Space');
  await page.locator('[data-testid="queue-row"].mine').waitFor();
  const ask = await apiOf(node, account);
  const { can_send: options } = await ask('GET', `/v1/incidents/${mine}`);
  const carer = options.find((one) => one.site === account.site);
  await page.keyboard.press('d');
  await page.getByTestId(`responder-${carer.responder}`).check();
  await page.keyboard.press('Enter');
  await page.locator('[data-testid^="leg-"]').waitFor();
  for (const n of [2, 3, 4, 5, 6]) await node.press(devices[n], kinds[n]);
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="queue-row"]').length === 6);
  // What was told stays in the language it was told in.
  await page.waitForFunction(() => document.querySelector('.toast') === null);
  await page.locator(`[data-incident="${mine}"]`).click();
  await page.locator(`[data-card="${mine}"]`).waitFor();

  // The language is changed in the menu, as a person does it: nothing is loaded anew.
  const change = async (wanted) => {
    if ((await page.evaluate(() => document.documentElement.lang)).startsWith(wanted)) return;
    await page.getByTestId('me').click();
    await page.getByTestId('language').click();
    await page.getByTestId('dialog-cancel').click();
  };
  wrong.push(...(await inBoth(page, 'desk', DESKS, change)));
  const ringing = page.locator('[data-testid="queue-row"].rings').first();
  await ringing.click();
  wrong.push(...(await inBoth(page, 'desk ringing', DESKS, change)));
  for (const language of ['zh', 'en']) {
    await change(language);
    await page.keyboard.press('j');
    await page.locator('dialog[open] [data-testid^="decline-"]').first().waitFor();
    wrong.push(...(await look(page, `decline ${language}`, DESKS)));
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
  }
  await page.locator(`[data-incident="${mine}"]`).click();
  await page.getByTestId('call-120').waitFor();

  const inDialog = async (name, key, ready) => {
    for (const language of ['zh', 'en']) {
      await change(language);
      await page.keyboard.press(key);
      await page.getByTestId(ready).waitFor();
      wrong.push(...(await look(page, `${name} ${language}`, DESKS)));
      await page.keyboard.press('Escape');
      await page.getByTestId(ready).waitFor({ state: 'detached' });
    }
  };
  await inDialog('slip', 'e', 'slip');
  await inDialog('send', 'd', 'send-submit');
  await inDialog('resolve', 'r', 'resolve-submit');
  await inDialog('hold', 'h', 'hold-submit');
  await inDialog('transfer', 'x', 'transfer-submit');
  await inDialog('note', 'n', 'text-submit');
  await inDialog('delay', 'l', 'choose-delay-5');
  await inDialog('qr', 'q', 'phone-qr');
  await inDialog('find', '/', 'find-go');
  const { resident } = await ask('GET', `/v1/incidents/${mine}`);
  const number = (await ask('GET', `/v1/residents/${resident.id}`)).phone;
  await page.keyboard.press('/');
  await page.getByTestId('find-phone').fill(number);
  await page.keyboard.press('Enter');
  await page.getByTestId('find-results').waitFor();
  wrong.push(...(await look(page, `found ${await page.evaluate(() => document.documentElement.lang.slice(0, 2))}`, DESKS)));
  await page.keyboard.press('Escape');
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  await inDialog('help', '?', 'dialog-cancel');

  await page.keyboard.press('Alt+2');
  await page.locator('[data-testid="map"] canvas').first().waitFor();
  wrong.push(...(await inBoth(page, 'map', DESKS, change)));
  await page.keyboard.press('Alt+3');
  await page.getByTestId('closed-row').first().waitFor();
  wrong.push(...(await inBoth(page, 'closed', DESKS, change)));
  await page.getByTestId('closed-row').first().click();
  await page.getByTestId('replay-this').waitFor();
  wrong.push(...(await inBoth(page, 'closed card', DESKS, change)));
  for (const language of ['zh', 'en']) {
    await change(language);
    await page.getByTestId('reopen').click();
    await page.getByTestId('reopen-called_again').waitFor();
    wrong.push(...(await look(page, `reopen ${language}`, DESKS)));
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
  }
  await page.keyboard.press('Alt+4');
  await page.getByTestId('replay-choice').first().waitFor();
  wrong.push(...(await inBoth(page, 'replay chooser', DESKS, change)));
  // The closed call is still the one in view.
  await page.keyboard.press('Alt+3');
  await page.getByTestId('replay-this').click();
  for (let steps = 0; steps < 3; steps += 1) await page.getByTestId('replay-next').click();
  await page.locator('[data-testid="replay-queue"] [data-testid="queue-row"]').first().waitFor();
  wrong.push(...(await inBoth(page, 'replay', DESKS, change)));

  // The carer's phone with that call.
  const link = await ask('POST', '/v1/phone-links', { responder: carer.responder });
  const phone = await openPage(browser, { ...HAND, mobile: true });
  await phone.goto(`${node.console}/m`);
  const other = async (wanted) => {
    if (!(await phone.evaluate(() => document.documentElement.lang)).startsWith(wanted)) await phone.getByTestId('m-language').click();
  };
  await phone.getByTestId('m-sign-in').waitFor();
  wrong.push(...(await inBoth(phone, 'm sign-in', [HAND], other)));
  await phone.goto(link.url);
  await phone.getByTestId('m-depart').waitFor();
  wrong.push(...(await inBoth(phone, 'm call', [HAND], other)));
  await phone.getByTestId('m-depart').tap();
  await phone.getByTestId('m-arrive').waitFor();
  wrong.push(...(await inBoth(phone, 'm under way', [HAND], other)));
  await phone.getByTestId('m-need-120').tap();
  await phone.getByTestId('m-120-confirm').waitFor();
  wrong.push(...(await look(phone, 'm ambulance en', [HAND])));
  await phone.keyboard.press('Escape');
  await phone.getByTestId('m-120-confirm').waitFor({ state: 'detached' });
  await phone.getByTestId('m-resolve').tap();
  await phone.getByTestId('m-resolve-submit').waitFor();
  wrong.push(...(await look(phone, 'm resolve en', [HAND])));
  await phone.keyboard.press('Escape');
  await phone.getByTestId('m-resolve-submit').waitFor({ state: 'detached' });

  // A carer of another site, who waits.
  const admin = await apiOf(node, node.accounts.find((one) => one.role === 'administrator'));
  const elsewhere = options.find((one) => one.site && one.site !== account.site);
  const waiting = await admin('POST', '/v1/phone-links', { responder: elsewhere.responder });
  const idle = await openPage(browser, { ...HAND, mobile: true });
  await idle.goto(waiting.url);
  await idle.locator('[data-testid="m-waiting"], [data-testid="m-ringing"]').first().waitFor();
  const idleIn = async (wanted) => {
    if (!(await idle.evaluate(() => document.documentElement.lang)).startsWith(wanted)) await idle.getByTestId('m-language').click();
  };
  wrong.push(...(await inBoth(idle, 'm waiting', [HAND], idleIn)));
  idle.assertClean(node.console);
  assert.deepEqual(wrong, []);
  page.assertClean(node.console);
  phone.assertClean(node.console);
});

test('the presser’s page and the duty phone are whole on a phone', async () => {
  const device = devicesNear(node, account)[7] ?? node.deviceList[20];
  const wrong = [];
  const sos = await openPage(browser, { ...HAND, mobile: true });
  await sos.goto(`${node.devices}/sos?device=${device.device}#key=${device.key}`);
  wrong.push(...(await look(sos, 'sos', [HAND])));
  await sos.getByTestId('sos-button').click();
  await sos.getByTestId('sos-cancel').waitFor();
  wrong.push(...(await look(sos, 'sos pressed', [HAND])));
  const size = await sos.locator('#zh').evaluate((words) => parseFloat(getComputedStyle(words).fontSize));
  assert.ok(size >= 32, `words of ${size} px can be read without glasses`);
  const telephone = await openPage(browser, { ...HAND, mobile: true });
  await telephone.goto(`${node.console}/demo/phone`);
  await telephone.locator('li.ringing').first().waitFor({ timeout: 30_000 });
  wrong.push(...(await look(telephone, 'duty phone', [HAND])));
  assert.deepEqual(wrong, []);
  sos.assertClean(node.devices);
  telephone.assertClean(node.console);
});

test('what an old browser gets is whole at every size', async () => {
  const wrong = [];
  for (const [name, where] of [['too old', '/'], ['m too old', '/m']]) {
    const page = await openPage(browser);
    await page.route('**/assets/*.js', (route) => route.abort());
    await page.goto(`${node.console}${where}`);
    await page.locator('html.too-old').waitFor();
    wrong.push(...(await look(page, name, DESKS)));
    await page.close();
  }
  assert.deepEqual(wrong, []);
});
