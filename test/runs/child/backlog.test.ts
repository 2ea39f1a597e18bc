import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backlog } from '../../../src/runs/child/backlog.ts';

/** A task that runs until `end` is called. */
function controlled(log: string[], name: string) {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { end: resolve, task: () => promise.then(() => void log.push(name)) };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('tasks run in order, and adding one does not wait for it to end', async () => {
  const log: string[] = [];
  const backlog = new Backlog(3);
  const [first, second] = [controlled(log, 'first'), controlled(log, 'second')];
  await backlog.add(first.task);
  await backlog.add(second.task);
  second.end();
  await turn();
  assert.deepEqual(log, []);
  first.end();
  await backlog.settled();
  assert.deepEqual(log, ['first', 'second']);
});

test('adding a task waits while as many tasks as the limit are pending', async () => {
  const log: string[] = [];
  const backlog = new Backlog(1);
  const first = controlled(log, 'first');
  await backlog.add(first.task);
  let added = false;
  const adding = backlog
    .add(async () => void log.push('second'))
    .then(() => {
      added = true;
    });
  await turn();
  assert.equal(added, false);
  first.end();
  await adding;
  await backlog.settled();
  assert.deepEqual(log, ['first', 'second']);
});

test('after a task has failed every call throws its error, and no later task starts', async () => {
  const log: string[] = [];
  const backlog = new Backlog(2);
  await backlog.add(async () => {
    throw new Error('no room');
  });
  await backlog.add(async () => void log.push('late'));
  await assert.rejects(backlog.settled(), /no room/);
  await assert.rejects(
    backlog.add(async () => void log.push('later')),
    /no room/,
  );
  assert.deepEqual(log, []);
});
