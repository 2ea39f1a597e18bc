import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { StylographClient } from '../src/client/index.ts';
import { EXPERIMENTS, resultOf, writeResult } from './lib/results.ts';

/**
 * Keeps a finished run of a server among the results of campaigns, as `experiments/results/timed/<preset>-<seed>.json`: what a run
 * takes on a machine that does nothing else, which a campaign does not show.
 *
 * node --import tsx scripts/keep-run.ts RUN-ID [--url http://127.0.0.1:8080]
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { url: { type: 'string', default: 'http://127.0.0.1:8080' } },
});
const [runId] = positionals;
if (runId === undefined) throw new Error('Which run? node --import tsx scripts/keep-run.ts RUN-ID');
const client = new StylographClient({ url: values.url });
const { preset, dataset, seed } = await client.runs.get(runId);
const name = dataset === 'mnist' ? preset : `${preset}-${dataset}`;
const why = 'Its pace, on two cores with nothing beside, as a run of the service.';
const file = join(EXPERIMENTS, 'results', 'timed', `${name}-${seed}.json`);
writeResult(file, await resultOf(client, runId, { name, why }));
console.log(file);
