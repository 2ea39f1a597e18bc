import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedLookup } from '../../src/api/inference/model-chooser.ts';

/** A lookup that the test answers by hand. */
function setUp(freshMs = 0) {
  const begun: { key: string; answer(value: string): void; fail(error: Error): void }[] = [];
  const clock = { ms: 0 };
  const lookup = new SharedLookup<string>(
    (key) => new Promise((answer, fail) => begun.push({ key, answer, fail })),
    { freshMs, now: () => clock.ms },
  );
  return { lookup, begun, clock };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test('concurrent callers share one lookup per key', async () => {
  const { lookup, begun } = setUp();
  const both = Promise.all([lookup.find('a'), lookup.find('a'), lookup.find('b')]);
  await turn();
  assert.deepEqual(
    begun.map(({ key }) => key),
    ['a', 'b'],
  );
  begun[0]!.answer('1');
  begun[1]!.answer('2');
  assert.deepEqual(await both, ['1', '1', '2']);
});

test('a caller during a running lookup gets a later one, which waits for the first', async () => {
  const { lookup, begun } = setUp();
  const early = lookup.find('a');
  await turn();
  const late = [lookup.find('a'), lookup.find('a')];
  await turn();
  assert.equal(begun.length, 1);
  begun[0]!.answer('old');
  assert.equal(await early, 'old');
  await turn();
  assert.equal(begun.length, 2);
  begun[1]!.answer('new');
  assert.deepEqual(await Promise.all(late), ['new', 'new']);
});

test('a failed lookup fails for its callers only, and the next call looks up again', async () => {
  const { lookup, begun } = setUp();
  const refused = assert.rejects(lookup.find('a'), /gone/);
  await turn();
  const late = lookup.find('a');
  begun[0]!.fail(new Error('gone'));
  await refused;
  await turn();
  begun[1]!.answer('there');
  assert.equal(await late, 'there');
});

test('a result is shared while it is fresh or until forget is called', async () => {
  const { lookup, begun, clock } = setUp(10);
  const first = lookup.find('a');
  await turn();
  begun[0]!.answer('old');
  assert.equal(await first, 'old');
  clock.ms = 9;
  assert.equal(await lookup.find('a'), 'old');
  assert.equal(begun.length, 1);
  lookup.forget();
  const second = lookup.find('a');
  await turn();
  begun[1]!.answer('new');
  assert.equal(await second, 'new');
  clock.ms = 19;
  const third = lookup.find('a');
  await turn();
  begun[2]!.answer('newer');
  assert.equal(await third, 'newer');
});
