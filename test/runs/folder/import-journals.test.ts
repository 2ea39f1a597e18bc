import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { RunEvent, RunRecord } from '../../../src/core/contracts/run.ts';
import { startTimeOf } from '../../../src/platform/processes/proc.ts';
import { importJournals } from '../../../src/runs/folder/import-journals.ts';
import { readMetrics } from '../../../src/runs/redis/metrics.ts';
import { allEvents, statesIn, type Workplace, withCode, workplace } from '../support.ts';

/** Written by the version that kept journals; `expected.json` is what that version read from it. */
const FIXTURE = new URL('../../fixtures/journal/', import.meta.url);
const WHOLE = readFileSync(new URL('journal.jsonl', FIXTURE), 'utf8');
const EXPECTED = JSON.parse(readFileSync(new URL('expected.json', FIXTURE), 'utf8')) as {
  record: RunRecord;
  events: RunEvent[];
  metrics: Record<string, [number, number][]>;
};
const { id } = EXPECTED.record;

/** Lines of the journal up to the first metrics. */
const UNFINISHED = WHOLE.slice(0, WHOLE.indexOf('\n', WHOLE.indexOf('"type":"metrics"')) + 1);

const folderOf = (place: Workplace): string => join(place.folder, 'runs', id);

function writeJournal(place: Workplace, text: string): void {
  mkdirSync(folderOf(place), { recursive: true });
  writeFileSync(join(folderOf(place), 'journal.jsonl'), text);
}

const importAll = (place: Workplace) => importJournals(place.folder, place.target, place.keys);

test('a journalled run gets the same record, events and metrics in Redis, and is imported once', async (t) => {
  const place = await workplace(t);
  writeJournal(place, WHOLE);
  await importAll(place);
  assert.deepEqual(await place.runs.get(id), EXPECTED.record);
  assert.deepEqual(await allEvents(place, id), EXPECTED.events);
  assert.deepEqual(await readMetrics(place.redis, place.keys, id), EXPECTED.metrics);
  assert.deepEqual(
    (await place.runs.list({ limit: 9 })).items.map((run) => run.id),
    [id],
  );
  assert.deepEqual(await place.runs.live(), []);
  assert.equal(existsSync(join(folderOf(place), 'journal.jsonl')), false);

  // As if the process had been killed before it renamed the journal.
  const stored = await place.redis.hgetall(place.keys.run(id));
  renameSync(join(folderOf(place), 'journal.imported.jsonl'), join(folderOf(place), 'journal.jsonl'));
  await importAll(place);
  assert.deepEqual(await place.redis.hgetall(place.keys.run(id)), stored);
  assert.deepEqual(await allEvents(place, id), EXPECTED.events);
  assert.equal(existsSync(join(folderOf(place), 'journal.jsonl')), false);
});

test('several processes that import at once write a run once', async (t) => {
  const place = await workplace(t);
  writeJournal(place, WHOLE);
  await Promise.allSettled([importAll(place), importAll(place), importAll(place)]);
  assert.deepEqual(await allEvents(place, id), EXPECTED.events);
  assert.deepEqual(await place.runs.get(id), EXPECTED.record);
});

test('a run whose process died in the middle of a line is paused, and repeats no iteration when it goes on', async (t) => {
  const place = await workplace(t);
  writeJournal(place, `${UNFINISHED}\n{"type":"event","fence":1,"bo`);
  await importAll(place);
  const { state, error, metrics } = await place.runs.get(id);
  assert.deepEqual([state, error?.code, metrics.iteration], ['paused', 'child_died', 10]);
  assert.deepEqual(statesIn(await allEvents(place, id)), ['queued', 'running', 'paused']);

  await place.runs.request(id, 'resume');
  const fence = await place.runs.takeForCommand(id, 'owner');
  const tellMetrics = (iteration: number) =>
    place.events.append(id, fence, { type: 'metrics', data: { iteration, ganLoss: 1 } });
  assert.equal(await tellMetrics(10), null);
  assert.notEqual(await tellMetrics(20), null);
  await assert.rejects(place.runs.checkFence(id, 1), withCode('fence_lost'));
});

test('a run that was to be cancelled when its process died is cancelled', async (t) => {
  const place = await workplace(t);
  const at = new Date().toISOString();
  const moves = { running: 'cancelling' };
  const cancel = {
    type: 'move',
    at,
    moves,
    change: { set: {}, unset: [] },
    unlessPublishing: true,
    key: 'k',
  };
  writeJournal(place, `${UNFINISHED}\n${JSON.stringify(cancel)}\n`);
  await importAll(place);
  const { state, error, finishedAt } = await place.runs.get(id);
  assert.deepEqual([state, error, finishedAt === null], ['cancelled', undefined, false]);
  assert.equal((await allEvents(place, id)).at(-1)!.type, 'end');
});

test('a run that a living process trains, and a damaged journal, stay as they are', async (t) => {
  const place = await workplace(t);
  const owner = { pid: process.pid, start: startTimeOf(process.pid), host: hostname() };
  writeJournal(place, UNFINISHED.replace(/"owner":\{[^}]*\}/, `"owner":${JSON.stringify(owner)}`));
  await importAll(place);
  await assert.rejects(place.runs.get(id), withCode('run_not_found'));
  assert.ok(existsSync(join(folderOf(place), 'journal.jsonl')));
  writeJournal(place, '\n{"type":"create","rec\n');
  await importAll(place);
  assert.ok(existsSync(join(folderOf(place), 'journal.jsonl')));
});
