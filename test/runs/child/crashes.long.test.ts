import test from 'node:test';
import { CrashRecovery } from './crash-recovery.ts';
import { type Crash, occurrences } from './simulated-process.ts';

test('a run that crashes before or after any step ends like an uninterrupted run', {
  timeout: 600_000,
}, async (t) => {
  const recovery = await CrashRecovery.open(t);
  const uninterrupted = await recovery.uninterrupted();
  const crashes = uninterrupted.steps.flatMap((step, i): Crash[] => {
    const occurrence = occurrences(uninterrupted.steps.slice(0, i + 1), step);
    return [
      { step, occurrence, when: 'before' },
      { step, occurrence, when: 'after' },
    ];
  });
  await recovery.assertRecovery(crashes, uninterrupted);
});
