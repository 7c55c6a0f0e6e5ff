// A house that is not well says so to whoever sits before a screen.
//
// For: one copy only, no dispatcher, no database: each is told on the page in both languages, and no longer when it is
// over; /readyz says the same.
// May not know: how it is found out; tests use data-testid and visible words only. With ANLING_SHOTS=<folder> pictures are
// kept there.

import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import { startCluster, startPostgres } from './cluster.mjs';
import { openBrowser, openPage, scan, stationOperator, takeDuty } from './lib.mjs';

/** A dispatcher is missed after 12 s, and looked for every 2 s. Milliseconds. */
const MISSED_WITHIN_MS = 25_000;

let postgres;
let cluster;
let browser;
before(async () => {
  postgres = await startPostgres();
  cluster = await startCluster(postgres);
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await cluster?.stop();
  await postgres?.end();
});

test('one copy, no dispatcher and no database are told on the page, and are gone when they are over', async () => {
  const desk = await cluster.start('desk', 'ingest,console');
  const page = await openPage(browser);
  await takeDuty(page, desk, stationOperator(cluster));
  const banner = (code) => page.getByTestId(`health-${code}`);
  const shots = process.env.ANLING_SHOTS;
  const keep = async (name) => {
    if (shots) await page.screenshot({ path: path.join(shots, `health-${name}.png`) });
  };

  // How the house is set up: said once, and put aside.
  await banner('one_copy').waitFor();
  assert.match(await banner('one_copy').innerText(), /数据只有一份/);
  await keep('one-copy-zh');
  await page.getByTestId('health-dismiss').click();
  await banner('one_copy').waitFor({ state: 'detached' });

  await banner('no_dispatcher').waitFor({ timeout: MISSED_WITHIN_MS });
  assert.match(await banner('no_dispatcher').innerText(), /没有调度程序在运行/);
  assert.equal(await banner('no_dispatcher').getByRole('button').count(), 0, 'it cannot be put aside');
  const ready = await (await fetch(`${desk.console}/readyz`)).json();
  assert.match(ready.degraded, /synchronous standby.*no dispatcher/);
  const figures = await (await fetch(`${desk.console}/metrics`)).text();
  assert.match(figures, /^anling_dispatcher_missing 1$/m);
  await scan(page, 'a desk without a dispatcher');
  await keep('no-dispatcher-zh');
  const dispatcher = await cluster.start('dispatcher', 'dispatcher');
  await banner('no_dispatcher').waitFor({ state: 'detached' });

  await page.getByTestId('me').click();
  await page.getByTestId('language').click();
  await page.getByTestId('dialog-cancel').click();
  await postgres.crash();
  await banner('log_away').waitFor();
  assert.match(await banner('log_away').innerText(), /does not answer since \d\d:\d\d: new presses are not accepted/);
  await scan(page, 'a desk without its log');
  await keep('log-away-en');
  await postgres.start();
  await banner('log_away').waitFor({ state: 'detached' });
  assert.equal(await banner('one_copy').count(), 1, 'after an outage it is said again that there is one copy only');
  page.assertClean(desk.console);
  await dispatcher.end();
  await desk.end();
});
