// What an unmodified @kurrent/kurrentdb-client does with the log, in one story.
//
// For: appending with every expectation, reading both ways, filters, following over a restart, a competing group, deletion
// and metadata, appends to several streams. Called with the server's address; writes RESTART when the server is to be killed
// and started again, and waits for a line.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import {
  ANY,
  BACKWARDS,
  END,
  FORWARDS,
  KurrentDBClient,
  MaxAppendSizeExceededError,
  NO_STREAM,
  PARK,
  PersistentSubscriptionDoesNotExistError,
  PersistentSubscriptionExistsError,
  START,
  STREAM_EXISTS,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
  binaryEvent,
  eventTypeFilter,
  jsonEvent,
  persistentSubscriptionToStreamSettingsFromDefaults,
  streamNameFilter,
} from '@kurrent/kurrentdb-client';

const [address, parts = 'streams,groups'] = process.argv.slice(2);
const connect = () => KurrentDBClient.connectionString(`kurrentdb://${address}?tls=false`);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const restart = async () => {
  console.log('RESTART');
  await lines.next();
};
const event = (type = 'Ordered', more = {}) => jsonEvent({ type, data: { a: 1 }, ...more });
const all = async (read) => {
  const found = [];
  for await (const resolved of read) found.push(resolved);
  return found;
};

async function appends(client) {
  const name = `order-${randomUUID()}`;
  const first = event('Ordered', { metadata: { m: 1 } });
  const at = await client.appendToStream(name, first, { streamState: NO_STREAM });
  assert.equal(at.nextExpectedRevision, 0n);
  const again = await client.appendToStream(name, first, { streamState: NO_STREAM });
  assert.equal(again.position.commit, at.position.commit, 'the same event at the same place is the same append');
  await client.appendToStream(name, [event(), event('Paid')], { streamState: 0n });
  await assert.rejects(client.appendToStream(name, event(), { streamState: 0n }), WrongExpectedVersionError);
  await assert.rejects(client.appendToStream(name, event(), { streamState: NO_STREAM }), WrongExpectedVersionError);
  await assert.rejects(client.appendToStream(`none-${randomUUID()}`, event(), { streamState: STREAM_EXISTS }), WrongExpectedVersionError);
  const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
  await client.appendToStream(name, binaryEvent({ type: 'Binary', data: bytes }), { streamState: STREAM_EXISTS });
  await client.appendToStream(name, event('Last'), { streamState: ANY });
  const read = await all(client.readStream(name, { direction: FORWARDS, fromRevision: START }));
  assert.deepEqual(read.map((it) => it.event.type), ['Ordered', 'Ordered', 'Paid', 'Binary', 'Last']);
  assert.deepEqual(read.map((it) => it.event.revision), [0n, 1n, 2n, 3n, 4n]);
  assert.equal(read[0].event.id, first.id);
  assert.deepEqual(read[0].event.metadata, { m: 1 });
  assert.deepEqual([...read[3].event.data], [...bytes]);
  const back = await all(client.readStream(name, { direction: BACKWARDS, fromRevision: END, maxCount: 2 }));
  assert.deepEqual(back.map((it) => it.event.revision), [4n, 3n]);
  await assert.rejects(all(client.readStream(`none-${randomUUID()}`)), StreamNotFoundError);
  const large = jsonEvent({ type: 'Large', data: { text: 'x'.repeat(1024 * 1024) } });
  await assert.rejects(client.appendToStream(name, large), MaxAppendSizeExceededError);
  return name;
}

async function readsAll(client, name) {
  const kind = `Kind${randomUUID().replaceAll('-', '')}`;
  await client.appendToStream(name, [event(kind), event('Other'), event(kind)]);
  const found = await all(client.readAll({ filter: eventTypeFilter({ prefixes: [kind] }) }));
  assert.deepEqual(found.map((it) => it.event.type), [kind, kind]);
  const by = await all(client.readAll({ filter: streamNameFilter({ regex: `^${name}$` }) }));
  assert.ok(by.length >= 8 && by.every((it) => it.event.streamId === name));
  const back = await all(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 3 }));
  const positions = back.map((it) => it.event.position.commit);
  assert.deepEqual(positions, [...positions].sort((a, b) => (a > b ? -1 : 1)));
}

// The first `count` events of a subscription; it stays open.
const take = (subscription, count) =>
  new Promise((resolve, reject) => {
    const found = [];
    subscription.on('error', reject);
    subscription.on('data', (resolved) => {
      found.push(resolved);
      if (found.length === count) resolve(found);
    });
  });

async function follows() {
  let client = connect();
  const name = `live-${randomUUID()}`;
  await client.appendToStream(name, [event('One'), event('Two')], { streamState: NO_STREAM });
  const stream = client.subscribeToStream(name, { fromRevision: 0n });
  const two = take(stream, 2);
  await client.appendToStream(name, event('Three'), { streamState: 1n });
  assert.deepEqual((await two).map((it) => it.event.type), ['Two', 'Three']);
  await stream.unsubscribe();
  const filter = streamNameFilter({ prefixes: [name] });
  const everything = client.subscribeToAll({ fromPosition: START, filter });
  const three = await take(everything, 3);
  assert.deepEqual(three.map((it) => it.event.type), ['One', 'Two', 'Three']);
  const last = three[2].event.position;
  await everything.unsubscribe();
  await client.dispose?.();
  await restart();
  client = connect();
  const later = client.subscribeToAll({ fromPosition: last, filter });
  const four = take(later, 1);
  await client.appendToStream(name, event('Four'), { streamState: 2n });
  const [found] = await four;
  assert.equal(found.event.type, 'Four');
  assert.equal(found.event.revision, 3n, 'no gap and no repeat over a restart');
  await later.unsubscribe();
  return client;
}

async function ends(client) {
  const name = `end-${randomUUID()}`;
  await client.appendToStream(name, Array.from({ length: 5 }, () => event()), { streamState: NO_STREAM });
  await client.setStreamMetadata(name, { maxCount: 2, mine: 'x' });
  const { metadata } = await client.getStreamMetadata(name);
  assert.equal(metadata.maxCount, 2);
  assert.equal(metadata.mine, 'x');
  assert.deepEqual((await all(client.readStream(name))).map((it) => it.event.revision), [3n, 4n]);
  await client.setStreamMetadata(name, {});
  await client.deleteStream(name, { expectedRevision: 4n });
  await assert.rejects(all(client.readStream(name)), StreamNotFoundError);
  await client.appendToStream(name, event('Again'), { streamState: NO_STREAM });
  assert.deepEqual((await all(client.readStream(name))).map((it) => it.event.revision), [5n], 'numbers go on');
  await client.tombstoneStream(name, { expectedRevision: 5n });
  await assert.rejects(all(client.readStream(name)), StreamDeletedError);
  await assert.rejects(client.appendToStream(name, event(), { streamState: ANY }), StreamDeletedError);
}

async function several(client) {
  const [one, two] = [`a-${randomUUID()}`, `b-${randomUUID()}`];
  const written = await client.multiStreamAppend([
    { streamName: one, expectedState: NO_STREAM, events: [event('One')] },
    { streamName: two, expectedState: NO_STREAM, events: [event('Two'), event('Three')] },
  ]);
  assert.deepEqual(written.responses.map((it) => it.revision), [0n, 1n]);
  const conflict = client.multiStreamAppend([
    { streamName: one, expectedState: 0n, events: [event()] },
    { streamName: two, expectedState: 7n, events: [event()] },
  ]);
  await assert.rejects(conflict, WrongExpectedVersionError);
  assert.equal((await all(client.readStream(one))).length, 1, 'all or nothing');
}

async function competes(client) {
  const [name, group] = [`work-${randomUUID()}`, `group-${randomUUID()}`];
  const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START });
  await client.createPersistentSubscriptionToStream(name, group, settings);
  await assert.rejects(client.createPersistentSubscriptionToStream(name, group, settings), PersistentSubscriptionExistsError);
  await client.appendToStream(name, Array.from({ length: 6 }, (_, n) => event(`E${n}`)));
  const seen = new Set();
  const readers = [connect(), connect()].map((it) => it.subscribeToPersistentSubscriptionToStream(name, group));
  await new Promise((resolve, reject) => {
    for (const reader of readers) {
      reader.on('error', reject);
      reader.on('data', (resolved) => {
        reader.ack(resolved).then(() => {
          seen.add(resolved.event.revision);
          if (seen.size === 6) resolve();
        }, reject);
      });
    }
  });
  const info = await client.getPersistentSubscriptionToStreamInfo(name, group);
  assert.equal(info.groupName, group);
  assert.ok(info.connections.length > 0);
  for (const reader of readers) await reader.unsubscribe();
  const again = client.subscribeToPersistentSubscriptionToStream(name, group);
  const bad = new Promise((resolve, reject) => {
    again.on('error', reject);
    again.on('data', (resolved, retries) => {
      if (resolved.event.type !== 'Bad') return again.ack(resolved).catch(reject);
      again.nack(PARK, 'too bad', resolved).then(() => resolve(retries), reject);
    });
  });
  await client.appendToStream(name, event('Bad'));
  await bad;
  await again.unsubscribe();
  const listed = await client.listPersistentSubscriptionsToStream(name);
  assert.deepEqual(listed.map((it) => it.groupName), [group]);
  await client.deletePersistentSubscriptionToStream(name, group);
  await assert.rejects(client.getPersistentSubscriptionToStreamInfo(name, group), PersistentSubscriptionDoesNotExistError);
}

let client = connect();
if (parts.includes('streams')) {
  const name = await appends(client);
  await readsAll(client, name);
  client = await follows();
  await ends(client);
  await several(client);
}
if (parts.includes('groups')) await competes(client);
console.log('DONE', JSON.stringify({ client: '@kurrent/kurrentdb-client', parts }));
process.exit(0);
