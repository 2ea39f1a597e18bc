import test from 'node:test';
import { CrashRecovery } from './crash-recovery.ts';
import type { Crash } from './simulated-process.ts';

test('a run that crashes before or after any step ends like an uninterrupted run', {
  timeout: 600_000,
}, async (t) => {
  const recovery = await CrashRecovery.open(t);
  const uninterrupted = await recovery.uninterrupted();
  const crashes = uninterrupted.steps.flatMap((_, i): Crash[] => [
    { step: i + 1, when: 'before' },
    { step: i + 1, when: 'after' },
  ]);
  await recovery.assertRecovery(crashes, uninterrupted);
});
