import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { openLocalPlace } from '../src/bin/cli/local/place.ts';
import { isFinished, RunRequest } from '../src/core/contracts/run.ts';
import { EXPERIMENTS, resultOf, type TrialResult, writeResult } from './lib/results.ts';
import { findRedisServer } from './setup/redis.mjs';

/**
 * Runs every trial of a campaign that has no result yet, one after another, including the evaluation:
 * npm run campaign -- presets
 *
 * Trials are in experiments/campaigns/NAME.json, results in experiments/results/NAME/. It can be interrupted at any
 * time. Ctrl-C pauses the current run, and the same command resumes it; a killed run resumes from its last checkpoint.
 * Several campaigns can run in parallel, one per processor (taskset -c 0 …): each trial is claimed by one of them. The
 * file is read again after each trial, so trials can be added while a campaign runs.
 */
const Trial = RunRequest.pick({ preset: true, dataset: true, config: true }).extend({
  name: z.string().regex(/^[a-z0-9.-]+$/),
  seeds: z.array(z.int()).default([1]),
  /** What the trial tests. */
  why: z.string(),
});
const Campaign = z.strictObject({ about: z.string(), trials: z.array(Trial) });
type Trial = z.infer<typeof Trial>;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    'data-dir': { type: 'string', default: 'data/campaigns' },
    experiments: { type: 'string', default: EXPERIMENTS },
  },
});
const [name] = positionals;
if (name === undefined)
  throw new Error('Name a campaign of experiments/campaigns/: npm run campaign -- NAME');
const redisServer = process.env.REDIS_SERVER || (await findRedisServer());
if (redisServer) process.env.REDIS_SERVER = redisServer;
const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort(signal));

for (let next = takeNext(); next !== undefined && !stopped.signal.aborted; next = takeNext()) {
  try {
    const done = await runTrial(next.trial, next.seed, join(next.folder, 'data'));
    if (done === undefined) break;
    writeResult(next.result, done);
    print(done);
  } finally {
    rmSync(next.claim);
  }
}

/** Claims the first trial that has no result and that no other process has claimed. */
function takeNext() {
  const { trials } = Campaign.parse(
    JSON.parse(readFileSync(join(values.experiments, 'campaigns', `${name}.json`), 'utf8')),
  );
  for (const trial of trials) {
    for (const seed of trial.seeds) {
      const result = join(values.experiments, 'results', name!, `${trial.name}-${seed}.json`);
      const folder = join(values['data-dir'], name!, `${trial.name}-${seed}`);
      const claim = join(folder, 'claim');
      if (existsSync(result) || !tryClaim(claim)) continue;
      return { trial, seed, result, folder, claim };
    }
  }
  return undefined;
}

function tryClaim(file: string): boolean {
  mkdirSync(dirname(file), { recursive: true });
  try {
    const handle = openSync(file, 'wx');
    writeFileSync(handle, String(process.pid));
    closeSync(handle);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (existsSync(`/proc/${readFileSync(file, 'utf8')}`)) return false;
    rmSync(file);
    return tryClaim(file);
  }
}

/** Starts or resumes a trial and waits for its end. @returns undefined when it was interrupted */
async function runTrial(trial: Trial, seed: number, folder: string): Promise<TrialResult | undefined> {
  const place = await openLocalPlace(folder, (error) => console.error(error.message));
  const { runs } = place.client;
  try {
    const { preset, dataset, config, name } = trial;
    const request = Object.entries({ preset, dataset, config, name, seed }).filter(
      ([, value]) => value !== undefined,
    );
    const run = (await runs.list()).items[0] ?? (await runs.create(Object.fromEntries(request)));
    if (!isFinished(run.state)) {
      if (run.state !== 'queued') await runs.resume(run.id);
      console.log(`${name} seed ${seed}: ${run.id}, ${run.config.iterations} iterations`);
      const training = await place.train(run.id);
      const pause = () => runs.pause(run.id).catch(() => training.abandon());
      stopped.signal.addEventListener('abort', pause, { once: true });
      await training.done;
      const { state } = await runs.get(run.id);
      stopped.signal.removeEventListener('abort', pause);
      if (!isFinished(state)) return undefined;
    }
    return await resultOf(place.client, run.id, trial);
  } finally {
    await place.close();
  }
}

function print({ name, seed, state, trainingSeconds, evaluation }: TrialResult): void {
  const { conditionalAccuracy, frechetDistance, coverage, recall, diversityRatio } = evaluation ?? {};
  console.log(name, seed, state, trainingSeconds, {
    ...{ conditionalAccuracy, frechetDistance, coverage, recall, diversityRatio },
  });
}
