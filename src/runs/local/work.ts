import type { RunRecord } from '../../core/contracts/run.ts';
import type { RunChildSettings } from '../../core/contracts/worker.ts';
import { isPassing } from '../../core/errors.ts';
import { OUTCOMES } from '../machine/states.ts';
import { type ChildOutcome, RunChild } from '../worker/run-child.ts';
import type { LocalRuns } from './runs.ts';

/** How often the run's record is looked at for requests of other processes. */
const POLL_MS = 250;

export interface Work {
  /** How the run stands when its process has ended. */
  done: Promise<RunRecord>;
  /** Ends the process at once; the run can go on from its last checkpoint. */
  abandon(): void;
}

/**
 * Trains a queued run in a process of its own, which does what a server's run child does. Requests to pause or cancel
 * are read from the run's record. @throws invalid_state when it is not queued
 */
export async function workOn(
  runs: LocalRuns,
  runId: string,
  { childModule, ...folders }: Omit<RunChildSettings, 'records'> & { childModule: string },
): Promise<Work> {
  const fence = await runs.take(runId);
  const settings: RunChildSettings = { records: { in: 'files' }, ...folders };
  const child = new RunChild({ module: childModule, runId, fence, settings });
  const honourRequests = async (): Promise<void> => {
    const { state } = await runs.get(runId);
    if (state === 'pausing') child.stop('pause');
    if (state === 'cancelling') child.stop('cancel');
  };
  const timer = setInterval(() => honourRequests().catch(() => undefined), POLL_MS);
  const done = child.outcome.then(async (outcome) => {
    clearInterval(timer);
    await settle(runs, runId, fence, outcome);
    return await runs.get(runId);
  });
  return { done, abandon: () => child.kill() };
}

async function settle(runs: LocalRuns, runId: string, fence: number, outcome: ChildOutcome): Promise<void> {
  switch (outcome.type) {
    case 'succeeded':
      await runs.settle(runId, fence, OUTCOMES.succeeded, { modelId: outcome.modelId });
      return;
    case 'stopped':
      await runs.settle(runId, fence, OUTCOMES.blocked);
      return;
    case 'failed': {
      const { error } = outcome;
      await runs.settle(runId, fence, isPassing(error.code) ? OUTCOMES.blocked : OUTCOMES.failed, { error });
      return;
    }
    case 'died': {
      const message = `${outcome.detail}. Resume it from its last checkpoint.`;
      await runs.settle(runId, fence, OUTCOMES.blocked, { error: { code: 'child_died', message } });
    }
  }
}
