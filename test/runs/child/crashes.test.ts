import assert from 'node:assert/strict';
import test from 'node:test';
import { CrashRecovery } from './crash-recovery.ts';
import { type Crash, occurrences } from './simulated-process.ts';

/** One step of each kind; crashes.long.test.ts tries every step. */
const STEPS = [
  'runs.take',
  'store.swapFile checkpoints.json',
  'runs.patch',
  'events.append metrics',
  'store.writeFile samples',
  'events.append sample',
  'store.writeFile snapshots',
  'store.writeFile live.json',
  'events.append validation',
  'events.append diagnosis',
  'store.writeFile best',
  'store.write checkpoints',
  'store.remove checkpoints',
  'events.append checkpoint',
  'evaluate',
  'events.append evaluation',
  'store.write films',
  'store.writeFile drawing.json',
  'store.remove snapshots',
  'events.append log',
  'runs.beginPublishing',
  'registry.publish',
  'announce',
  'runs.settle',
];

test('a run that crashes before or after a step of any kind ends like an uninterrupted run', {
  timeout: 300_000,
}, async (t) => {
  const recovery = await CrashRecovery.open(t);
  const uninterrupted = await recovery.uninterrupted();
  const crashes = STEPS.flatMap((step): Crash[] => {
    // The last step of a kind has the most state to lose.
    const occurrence = occurrences(uninterrupted.steps, step);
    assert.ok(occurrence > 0, `the run has no step "${step}"`);
    return [
      { step, occurrence, when: 'before' },
      { step, occurrence, when: 'after' },
    ];
  });
  await recovery.assertRecovery(crashes, uninterrupted);
});
