import type { Command } from 'commander';
import type { Run } from '../../../client/index.ts';
import { followRun, resumeRun } from '../follow.ts';
import { int, withCommon, withShown } from '../options.ts';
import type { Output } from '../output.ts';
import { Ended, EXIT } from '../problems.ts';
import type { CommonOptions, Execute, Session } from '../session.ts';
import { duration, lossName, moment, percent, short, whole } from '../terminal/format.ts';
import type { ImageMode } from '../terminal/images.ts';
import { facts, table } from '../terminal/table.ts';

interface ListOptions extends CommonOptions {
  limit: number;
}
interface ShownOptions extends CommonOptions {
  images: ImageMode;
}
interface EventsOptions extends CommonOptions {
  follow?: boolean;
  after?: string;
}

export function addRuns(program: Command, execute: Execute): void {
  const runs = program.command('runs').description('List, watch, pause, resume and delete training runs.');
  withCommon(runs.command('list', { isDefault: true }))
    .description('List runs, newest first.')
    .option('--limit <n>', 'number of runs, 1 to 200', int(1, 200), 20)
    .action((options: ListOptions) => execute(options, (session) => list(session, options)));
  withCommon(runs.command('show <run>'))
    .description('Show a run.')
    .action((id: string, options: CommonOptions) => execute(options, (session) => showRun(session, id)));
  withShown(withCommon(runs.command('watch <run>')))
    .description('Watch a run from now on. Ctrl-C stops watching, not the run.')
    .action((id: string, options: ShownOptions) =>
      execute(options, async (session) => {
        const backend = await session.backend();
        const found = await backend.client.runs.get(id, { signal: session.signal });
        await followRun(session, backend, found, { fromNow: true, owns: false, images: options.images });
      }),
    );
  withCommon(runs.command('events <run>'))
    .description('Print the events of a run, one JSON document per line.')
    .option('-f, --follow', 'continue until the run ends')
    .option('--after <id>', 'only events after this one')
    .action((id: string, options: EventsOptions) =>
      execute(options, (session) => events(session, id, options)),
    );
  for (const [kind, description] of [
    ['pause', 'Pause a run after a checkpoint.'],
    ['cancel', 'End a run; it cannot be resumed.'],
  ] as const) {
    withCommon(runs.command(`${kind} <run>`))
      .description(description)
      .action((id: string, options: CommonOptions) =>
        execute(options, async (session) => {
          const { client } = await session.backend();
          printState(session.output, await client.runs[kind](id, { signal: session.signal }));
        }),
      );
  }
  withShown(withCommon(runs.command('resume <run>')))
    .description('Resume a paused run. Without a server, this command trains and shows it.')
    .action((id: string, options: ShownOptions) =>
      execute(options, async (session) => {
        const backend = await session.backend();
        if (backend.local) return await resumeRun(session, backend, id, options.images);
        printState(session.output, await backend.client.runs.resume(id, { signal: session.signal }));
      }),
    );
  withCommon(runs.command('delete <run>'))
    .description('Remove a finished run with its events, checkpoints and figures. Its model stays.')
    .action((id: string, options: CommonOptions) =>
      execute(options, async (session) => {
        const { client } = await session.backend();
        await client.runs.delete(id, { signal: session.signal });
        session.output.document({ id, deleted: true });
        session.output.line(`${session.output.paint.green('deleted')} ${id}`);
      }),
    );
}

function printState(output: Output, run: Run): void {
  output.document(run);
  output.line(`${run.id} is ${stateText(output, run)}`);
}

function stateText({ paint }: Output, { state }: Run): string {
  if (state === 'succeeded') return paint.green(state);
  if (state === 'failed') return paint.red(state);
  return state === 'paused' || state.endsWith('ing') ? paint.yellow(state) : paint.dim(state);
}

const shareOf = ({ progress }: Run): number =>
  progress.iterations === 0 ? 0 : progress.iteration / progress.iterations;

async function list({ output, backend, signal }: Session, { limit }: ListOptions): Promise<void> {
  const { client } = await backend();
  const page = await client.runs.list({ limit, signal });
  output.document(page);
  if (page.items.length === 0) return output.line('There are no runs yet; "stylograph train" starts one.');
  const lines = table<Run>(
    page.items,
    [
      { title: 'run', value: ({ id }) => id },
      { title: 'name', value: ({ name }) => name },
      { title: 'state', value: (each) => stateText(output, each) },
      { title: 'done', value: (each) => percent(shareOf(each), 0), align: 'right' },
      { title: 'time', value: ({ progress }) => duration(progress.secondsElapsed), align: 'right' },
      { title: 'started', value: ({ createdAt }) => moment(createdAt) },
    ],
    output.paint.dim,
  );
  for (const line of lines) output.line(line);
  if (page.nextCursor !== null) output.notice('More runs exist; --limit shows up to 200.');
}

async function showRun({ output, backend, signal }: Session, id: string): Promise<void> {
  const { client } = await backend();
  const run = await client.runs.get(id, { signal });
  output.document(run);
  const { progress, metrics, error } = run;
  const { iteration: _, ...losses } = metrics;
  const lines = facts(
    {
      run: run.id,
      name: run.name,
      state: stateText(output, run),
      why: error?.message,
      preset: run.preset,
      dataset: run.dataset,
      seed: String(run.seed),
      from: run.from,
      tags: run.tags.join(', '),
      progress: `${whole(progress.iteration)} of ${whole(progress.iterations)} iterations, ${percent(shareOf(run), 0)}`,
      time: duration(progress.secondsElapsed),
      left: run.state === 'running' ? duration(progress.secondsRemaining) : undefined,
      device: run.device ?? undefined,
      losses: Object.entries(losses)
        .filter(([name]) => name.endsWith('Loss'))
        .map(([name, value]) => `${lossName(name)} ${short(value)}`)
        .join('  '),
      diagnoses: run.diagnoses?.map(({ code }) => code.replaceAll('_', ' ')).join(', '),
      model: run.modelId,
      started: moment(run.createdAt),
      ended: run.finishedAt === null ? undefined : moment(run.finishedAt),
    },
    output.paint.dim,
  );
  for (const line of lines) output.line(line);
}

/** Prints events as lines of JSON, with or without `--json`. */
async function events(
  { backend, signal, onInterrupt }: Session,
  id: string,
  { follow, after }: EventsOptions,
): Promise<void> {
  const { client } = await backend();
  const write = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
  if (follow) {
    const leave = new AbortController();
    const done = onInterrupt(() => leave.abort(new Ended(EXIT.interrupted)));
    for await (const event of client.runs.follow(id, { after, signal: leave.signal })) write(event);
    done();
    return;
  }
  for (let next: string | null | undefined = after; next !== null; ) {
    const page = await client.runs.events(id, { after: next, limit: 200, signal });
    page.items.forEach(write);
    next = page.nextCursor;
  }
}
