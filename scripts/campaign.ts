import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { openLocalPlace } from '../src/cli/local/place.ts';
import { isFinished, type RunRecord, RunRequest } from '../src/contracts/run.ts';
import { decoderUpdates } from './lib/results.ts';

/**
 * Runs every trial of a campaign that has no result yet, one after another, each as a finished run with its evaluation:
 * npm run campaign -- search --data-dir data/campaign
 *
 * Trials are in experiments/campaigns/NAME.json, results in experiments/results/NAME/. It may be interrupted at any
 * time: Ctrl-C pauses the run at work, and the same command goes on with it; a killed one goes on from its last
 * checkpoint. Several may run side by side, on a processor each (taskset -c 0 …): a trial is taken by one of them. The
 * file is read anew after each trial, so that trials can be added while it runs.
 */
const Trial = RunRequest.pick({ preset: true, dataset: true, config: true }).extend({
  name: z.string().regex(/^[a-z0-9.-]+$/),
  seeds: z.array(z.int()).default([1]),
  /** What it is to show. */
  why: z.string(),
});
const Campaign = z.strictObject({ about: z.string(), trials: z.array(Trial) });
type Trial = z.infer<typeof Trial>;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { 'data-dir': { type: 'string', default: 'data/campaigns' } },
});
const [name] = positionals;
if (name === undefined)
  throw new Error('Which campaign? npm run campaign -- NAME, of experiments/campaigns/');
const home = new URL('../experiments/', import.meta.url).pathname;
const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort(signal));

for (let next = takeNext(); next !== undefined && !stopped.signal.aborted; next = takeNext()) {
  try {
    const record = await runTrial(next.trial, next.seed, join(next.folder, 'data'));
    if (!isFinished(record.state)) break;
    writeResult(next.result, next.trial, record);
  } finally {
    rmSync(next.claim);
  }
}

/** The first trial that has no result and is at work nowhere else; it is claimed for this process. */
function takeNext() {
  const file = join(home, 'campaigns', `${name}.json`);
  const { trials } = Campaign.parse(JSON.parse(readFileSync(file, 'utf8')));
  for (const trial of trials) {
    for (const seed of trial.seeds) {
      const key = `${trial.name}-${seed}`;
      const result = join(home, 'results', name!, `${key}.json`);
      const folder = join(values['data-dir'], name!, key);
      const claim = join(folder, 'claim');
      if (existsSync(result) || !claims(claim)) continue;
      return { trial, seed, result, folder, claim };
    }
  }
  return undefined;
}

function claims(file: string): boolean {
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
    return claims(file);
  }
}

async function runTrial({ preset, dataset, config, name }: Trial, seed: number, folder: string) {
  const place = await openLocalPlace(folder);
  try {
    const { items } = await place.client.runs.list();
    const run =
      items[0] ??
      (await place.client.runs.create(
        Object.fromEntries(
          Object.entries({ preset, dataset, config, name, seed }).filter(([, value]) => value !== undefined),
        ),
      ));
    if (isFinished(run.state)) return await place.record(run.id);
    if (run.state !== 'queued') await place.client.runs.resume(run.id);
    console.log(`${name} seed ${seed}: ${run.id}, ${run.config.iterations} iterations`);
    const work = await place.workOn(run.id);
    const pause = () => place.client.runs.pause(run.id).catch(() => work.abandon());
    stopped.signal.addEventListener('abort', pause, { once: true });
    const record = await work.done;
    stopped.signal.removeEventListener('abort', pause);
    return record;
  } finally {
    await place.close();
  }
}

function writeResult(file: string, { why }: Trial, record: RunRecord): void {
  const { preset, dataset, seed, config, progress, state, error, diagnoses = [] } = record;
  const { selfTests: _, ...evaluation } = record.evaluation ?? {};
  const result = {
    ...{ name: record.name, why, state, preset, dataset, seed },
    decoderUpdates: decoderUpdates(config),
    trainingSeconds: Math.round(progress.secondsElapsed),
    ...{ error, evaluation, diagnoses, config, createdAt: record.createdAt },
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
  const { conditionalAccuracy, frechetDistance, coverage, recall, diversityRatio } = record.evaluation ?? {};
  console.log(record.name, seed, state, progress.secondsElapsed.toFixed(0), {
    ...{ conditionalAccuracy, frechetDistance, coverage, recall, diversityRatio },
  });
}
