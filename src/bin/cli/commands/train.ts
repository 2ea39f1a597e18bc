import { type Command, Option } from 'commander';
import type { RunRequest } from '../../../client/index.ts';
import type { Backend } from '../backend.ts';
import { resumeRun, trainRun } from '../follow.ts';
import { collect, int, withCommon, withShown } from '../options.ts';
import { UsageProblem } from '../problems.ts';
import type { CommonOptions, Execute, Session } from '../session.ts';
import { bytes, duration, whole } from '../terminal/format.ts';
import type { ImageMode } from '../terminal/images.ts';
import { facts } from '../terminal/table.ts';
import { checkOverrides, parseOverrides } from './overrides.ts';

interface TrainOptions extends CommonOptions {
  preset?: string;
  dataset?: string;
  seed?: number;
  name?: string;
  tag?: string[];
  from?: string;
  iterations?: number;
  latentDim?: number;
  set: string[];
  resume?: string;
  detach?: boolean;
  dryRun?: boolean;
  images: ImageMode;
}

export function addTrain(program: Command, execute: Execute): void {
  const command = program
    .command('train')
    .summary('train a model and watch it')
    .description(
      'Starts a training run and shows its progress, losses and pictures. Ctrl-C pauses it after a checkpoint and prints how to ' +
        'resume it. A second Ctrl-C exits at once.',
    )
    .option('-p, --preset <name>', 'the preset to start from; "stylograph presets" lists them')
    .option('-d, --dataset <id>', 'the dataset to train on; "stylograph datasets" lists them')
    .option('--seed <n>', 'seed of all random numbers; drawn by default', int(0, 2 ** 31 - 1))
    .option('-i, --iterations <n>', 'number of training iterations', int(1, 1_000_000))
    .option('--latent-dim <n>', 'length of the latent z', int(1, 128))
    .option(
      '-s, --set <key=value>',
      'another parameter of the configuration; may be given several times',
      collect,
      [],
    )
    .option('--from <model>', 'start from the weights of a model')
    .option('--name <text>', 'a name for the run')
    .option('--tag <text>', 'a tag for the run; may be given several times', collect)
    .addOption(
      new Option(
        '-r, --resume <run>',
        'resume a paused run; the result is bit-identical to an uninterrupted run',
      ).conflicts([
        'preset',
        'dataset',
        'seed',
        'iterations',
        'latentDim',
        'from',
        'name',
        'tag',
        'detach',
        'dryRun',
      ]),
    )
    .option('--detach', 'on a server: start the run and exit')
    .option('--dry-run', 'only print what would be trained and an estimate of time and memory');
  withShown(withCommon(command))
    .addHelpText(
      'after',
      `
Examples:
  stylograph train --preset quick
  stylograph train -p article -i 3000 --latent-dim 2 --set learningRates.encoder=0.0005
  stylograph train --resume run_01JD9YQ7M2T4V6X8Z0B2D4F6H8`,
    )
    .action((options: TrainOptions) => execute(options, (session) => train(session, options)));
}

async function train(session: Session, options: TrainOptions): Promise<void> {
  const request = options.resume === undefined ? await requestOf(options) : undefined;
  const backend = await session.backend({ creates: request !== undefined });
  if (request === undefined) return await resumeRun(session, backend, options.resume!, options.images);
  if (options.dryRun) return await dryRun(session, backend, request);
  if (options.detach && backend.local) {
    throw new UsageProblem(
      '--detach: only a server trains a run in the background; start one with "npm start"',
    );
  }
  const run = await backend.client.runs.create(request, { signal: session.signal });
  if (options.detach) {
    session.output.document(run);
    session.output.line(run.id);
    return;
  }
  await trainRun(session, backend, run, { fromNow: false, images: options.images });
}

/** @throws UsageProblem for a wrong key of `--set` */
async function requestOf(options: TrainOptions): Promise<RunRequest> {
  const { preset, dataset, seed, name, tag, from, iterations, latentDim } = options;
  const config = {
    ...parseOverrides(options.set),
    ...(iterations === undefined ? {} : { iterations }),
    ...(latentDim === undefined ? {} : { latentDim }),
  };
  if (options.set.length > 0) await checkOverrides(config);
  const request = { preset, dataset, seed, name, tags: tag, from, config };
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)) as RunRequest;
}

async function dryRun(session: Session, backend: Backend, request: RunRequest): Promise<void> {
  const { output } = session;
  const { estimate, ...run } = await backend.client.runs.dryRun(request, { signal: session.signal });
  output.document({ ...run, estimate });
  const lines = facts(
    {
      name: run.name,
      preset: run.preset,
      dataset: run.dataset,
      iterations: whole(run.config.iterations),
      'time, about': estimate.seconds === null ? (estimate.reason ?? '–') : duration(estimate.seconds),
      'memory, about': bytes(estimate.memoryBytes),
      checkpoint: bytes(estimate.checkpointBytes),
    },
    output.paint.dim,
  );
  for (const line of lines) output.line(line);
}
