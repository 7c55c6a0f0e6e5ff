// A running Anling and a real Chromium for the browser tests.
//
// For: starting the real binary on free ports, opening pages that are watched for outside requests, policy violations
// and page errors, and scanning them with axe.
// May not know: how the pages are made; tests use data-testid and visible words only.

import { after, before } from 'node:test';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import assert from 'node:assert/strict';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** How long the binary may take to make its city and listen. */
const START_WITHIN_MS = 90_000;
/** How long a page may take for what a test waits for; a person would have given up. */
const PAGE_WITHIN_MS = 20_000;

/** The built binary. */
export async function binary() {
  const target = process.env.CARGO_TARGET_DIR ?? path.join(root, 'target');
  const file = path.join(target, process.env.ANLING_PROFILE ?? 'debug', 'anling');
  await access(file).catch(() => {
    throw new Error(`build the binary first: cargo build (${file})`);
  });
  return file;
}

/** The demo city without its cast unless `flags` say otherwise, in a folder of its own. */
export async function startAnling(flags = ['--no-cast'], residents = 60) {
  const folder = await mkdtemp(path.join(tmpdir(), 'anling-browser-'));
  const data = path.join(folder, 'data');
  const node = { folder, data };
  node.start = async () => {
    const child = spawn(
      await binary(),
      ['demo', ...flags, '--residents', String(residents), '--data', data, '--console-listen', node.consoleListen ?? '127.0.0.1:0', '--devices-listen', node.devicesListen ?? '127.0.0.1:0', '--dc09-listen', '127.0.0.1:0', '--eventstore-listen', '127.0.0.1:0'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    node.child = child;
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('anling is not ready in time')), START_WITHIN_MS);
      let said = '';
      child.stdout.on('data', (chunk) => {
        said += chunk;
        if (said.includes('Ctrl-C')) {
          clearTimeout(late);
          resolve();
        }
      });
      child.once('exit', (code) => {
        clearTimeout(late);
        reject(new Error(`anling ended with ${code} before it was ready\n${said}`));
      });
    });
    const listening = JSON.parse(await readFile(path.join(data, 'listening.json'), 'utf8'));
    node.consoleListen = listening.console;
    node.devicesListen = listening.devices;
    node.console = `http://${listening.console}`;
    node.devices = `http://${listening.devices}`;
    node.accounts = JSON.parse(await readFile(path.join(data, 'demo-accounts.json'), 'utf8'));
    const lines = (await readFile(path.join(data, 'demo-devices.csv'), 'utf8')).trim().split('\n').slice(1);
    node.deviceList = lines.map((line) => {
      const [device, key, resident, district] = line.split(',');
      return { device, key, resident, district };
    });
  };
  node.end = async (signal = 'SIGTERM') => {
    const gone = new Promise((resolve) => node.child.once('exit', resolve));
    node.child.kill(signal);
    await gone;
  };
  node.stop = async () => {
    await node.end();
    await rm(folder, { recursive: true, force: true });
  };
  let presses = 0;
  node.press = async (device, kind = 'sos') => {
    const press = `browser-${(presses += 1)}`;
    const answer = await fetch(`${node.devices}/v1/signals`, {
      method: 'POST',
      headers: { authorization: `Bearer ${device.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ device: device.device, press, kind }),
    });
    assert.ok(answer.ok, `the press was taken: ${answer.status}`);
    return press;
  };
  node.stage = async (device, press) => {
    const answer = await fetch(`${node.devices}/v1/signals/${device.device}/${press}`, { headers: { authorization: `Bearer ${device.key}` } });
    return answer.json();
  };
  node.untilStage = async (device, press, wanted, withinMs = 20_000) => {
    const end = Date.now() + withinMs;
    let last;
    while (Date.now() < end) {
      last = await node.stage(device, press);
      if (last.stage === wanted) return last;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the device never heard ${wanted}; last ${JSON.stringify(last)}`);
  };
  await node.start();
  return node;
}

/** A demo city and a browser for the tests of one file, told to `ready` before the first and ended after the last. */
export function onStage(ready) {
  const stage = {};
  before(async () => {
    stage.node = await startAnling();
    stage.browser = await openBrowser();
    await ready(stage);
  });
  after(async () => {
    await stage.browser?.close();
    await stage.node?.stop();
  });
}

/** A real browser with a new profile. */
export function openBrowser(more = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--autoplay-policy=user-gesture-required', ...more],
  });
}

/** A page that keeps a list of what it must not do. */
export async function openPage(browser, { width = 1366, height = 768, locale = 'zh-CN', mobile = false } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale, timezoneId: 'Asia/Shanghai', hasTouch: mobile, isMobile: mobile });
  context.setDefaultTimeout(PAGE_WITHIN_MS);
  const page = await context.newPage();
  page.faults = [];
  const origins = new Set();
  page.on('request', (request) => origins.add(new URL(request.url()).origin.replace(/^ws/, 'http')));
  page.on('pageerror', (error) => page.faults.push(`page error: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/i.test(message.text())) page.faults.push(message.text());
  });
  page.assertClean = (...allowed) => {
    const outside = [...origins].filter((origin) => origin !== 'null' && !allowed.includes(origin));
    assert.deepEqual(outside, [], 'no request leaves the origin');
    assert.deepEqual(page.faults, [], 'no policy violation and no page error');
  };
  return page;
}

/** Serious and critical findings of axe; none is wanted. */
export async function scan(page, what) {
  // The policy forbids inline scripts; evaluating is the test's own hand, not the page's.
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const serious = violations.filter((violation) => ['serious', 'critical'].includes(violation.impact));
  const text = serious.map((violation) => `${violation.id}: ${violation.help}\n  ${violation.nodes.map((node) => node.html).join('\n  ')}`);
  assert.deepEqual(text, [], `axe on ${what}`);
}

/** Signs in, takes duty with proven sound. */
export async function signOn(page, node, account) {
  await page.goto(`${node.console}/`);
  await page.getByTestId('sign-in-name').fill(account.name);
  await page.getByTestId('sign-in-password').fill(account.password);
  await page.getByTestId('sign-in').click();
}

/** The demo button's station operator: one station, open day and night. */
export function stationOperator(node) {
  return node.accounts.find((account) => account.button && account.site?.startsWith('HRB-') && !account.cast);
}

/** Devices of residents in the account's own district: nobody else being on duty, the account's site is nearest. */
export function devicesNear(node, account) {
  const district = account.site.split('-')[1];
  const near = node.deviceList.filter((device) => device.district === district);
  assert.ok(near.length >= 7, 'the synthetic city has enough devices in this district');
  return near;
}

/** Signs in, hears the tone, says so, and starts duty. */
export async function takeDuty(page, node, account) {
  await signOn(page, node, account);
  await page.getByTestId('sound-play').click();
  await page.getByTestId('sound-heard').click();
  await page.getByTestId('sound-proven').waitFor();
  await page.getByTestId('sign-on').click();
  await page.getByTestId('status-bar').waitFor();
}

/** Asks the console door as a program does. */
export async function apiOf(node, account) {
  const ask = async (method, where, body) => {
    const headers = { 'content-type': 'application/json', ...(ask.token ? { authorization: `Bearer ${ask.token}` } : {}) };
    const answer = await fetch(`${node.console}${where}`, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${where}: ${answer.status}`);
    return answer.json();
  };
  ask.token = (await ask('POST', '/v1/session', { name: account.name, password: account.password })).token;
  return ask;
}

/** The rows of a queue, top to bottom, as incident ids. */
export function rowsOf(page, queue = 'queue') {
  return page.getByTestId(queue).getByTestId('queue-row').evaluateAll((rows) =>
    rows
      .map((row) => ({ id: row.dataset.incident, at: Number(row.getAttribute('aria-rowindex')) }))
      .sort((a, b) => a.at - b.at)
      .map((row) => row.id),
  );
}

/** The row of the incident that rings here, when there is just one. */
export async function ringingIncident(page) {
  const row = page.locator('[data-testid="queue-row"].rings').first();
  await row.waitFor();
  return row.getAttribute('data-incident');
}

/** Keeps what a page says aloud; headless browsers have no voice of their own. To be called before the first `goto`. */
export async function listen(page) {
  await page.addInitScript(() => {
    window.saidAloud = [];
    window.SpeechSynthesisUtterance = class {
      constructor(text) {
        this.text = text;
      }
    };
    window.speechSynthesis.getVoices = () => [{ lang: 'zh-CN' }];
    window.speechSynthesis.speak = (utterance) => window.saidAloud.push(utterance.text);
  });
  page.saidAloud = () => page.evaluate(() => window.saidAloud);
}
