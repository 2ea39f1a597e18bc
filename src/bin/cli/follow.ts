import type { Run, RunEvent } from '../../client/index.ts';
import type { LocalTraining } from '../../runs/folder/folder-runs.ts';
import type { Backend } from './backend.ts';
import { ownName } from './names.ts';
import { sizeOf } from './pictures.ts';
import { Ended, EXIT } from './problems.ts';
import type { Session } from './session.ts';
import { duration, percent, whole } from './terminal/format.ts';
import { blockLines, chooseMode, type ImageMode } from './terminal/images.ts';
import { openRunView, type RunView, remarkOf } from './terminal/run-view.ts';
import { shownPart } from './terminal/sheet-part.ts';

/** No event has this id, so a stream after it begins with a snapshot of the run. */
const FROM_NOW = '0-1';
const PICTURE_COLUMNS = 70;

export interface FollowingOptions {
  /** Only later events. */
  fromNow: boolean;
  /** The first Ctrl-C pauses the run instead of only ending the command. */
  owns: boolean;
  /** Its training, if this process's child trains it. */
  training?: LocalTraining | undefined;
  images: ImageMode;
}

/** Resumes a paused run and follows it. Without a server, it trains here. */
export async function resumeRun(
  session: Session,
  backend: Backend,
  id: string,
  images: ImageMode,
): Promise<void> {
  const { client } = backend;
  const before = await client.runs.get(id, { signal: session.signal });
  const isWaiting = backend.local !== undefined && before.state === 'queued';
  const run = isWaiting ? before : await client.runs.resume(id, { signal: session.signal });
  await trainRun(session, backend, run, { fromNow: true, images });
}

/** Follows a run that the user has just started or resumed. Without a server, it trains here. */
export async function trainRun(
  session: Session,
  backend: Backend,
  run: Run,
  how: { fromNow: boolean; images: ImageMode },
): Promise<void> {
  const { output } = session;
  const { bold, dim } = output.paint;
  output.line(
    `${bold(run.name)}  ${run.id}  ${dim(`seed ${run.seed} · ${whole(run.config.iterations)} iterations · latent ${run.config.latentDim}`)}`,
  );
  const training = await trainHere(session, backend, run.id);
  await followRun(session, backend, run, { ...how, owns: true, training });
}

/** Trains the run in a child of this process, unless a server's worker does. */
async function trainHere(
  { output }: Session,
  { local }: Backend,
  runId: string,
): Promise<LocalTraining | undefined> {
  const serverPid = await local?.serverPid();
  if (serverPid === undefined) return await local?.train(runId);
  output.notice(`A server (process ${serverPid}) works in this folder; it trains the run.`);
  return undefined;
}

/** Shows the events of a run until it ends or is paused, then its result. */
export async function followRun(
  session: Session,
  backend: Backend,
  run: Pick<Run, 'id' | 'dataset'>,
  options: FollowingOptions,
): Promise<void> {
  const view = openRunView(session.output);
  const interrupted = interruptions(session, backend, run.id, options, view);
  // If the run's end cannot be stored, on a full disk for instance, its events do not end.
  const unrecorded = new AbortController();
  options.training?.done.catch((error: unknown) => unrecorded.abort(error));
  try {
    const following = backend.client.runs.follow(run.id, {
      ...(options.fromNow ? { after: FROM_NOW } : {}),
      signal: AbortSignal.any([interrupted.left, unrecorded.signal]),
      onLost: () => session.output.notice('The connection was lost. Reconnecting ...'),
    });
    for await (const event of following) {
      session.output.document(event, { compact: true });
      if (!session.output.json) await show(event, { view, session, backend, run, options });
      if (isLast(event)) break;
    }
  } catch (error) {
    if (!interrupted.left.aborted) throw error;
  } finally {
    view.close();
    interrupted.done();
  }
  if (interrupted.left.aborted && options.training === undefined) throw new Ended(EXIT.interrupted);
  await options.training?.done;
  await printResult(session, backend, run.id, interrupted.count() > 0);
}

/** A paused run has no events until it is resumed. */
function isLast(event: RunEvent): boolean {
  const state = event.type === 'state' || event.type === 'reset' ? event.data.state : undefined;
  return event.type === 'end' || state === 'paused';
}

async function show(
  event: RunEvent,
  {
    view,
    session,
    backend,
    run,
    options,
  }: {
    view: RunView;
    session: Session;
    backend: Backend;
    run: Pick<Run, 'id' | 'dataset'>;
    options: FollowingOptions;
  },
): Promise<void> {
  switch (event.type) {
    case 'reset':
      view.metrics(event.data.metrics);
      return view.progress(event.data.progress);
    case 'state':
      if (event.data.state === 'queued' && !options.training)
        view.say(session.output.paint.dim('waiting for a worker ...'));
      return;
    case 'progress':
      if (options.owns) view.hint('Ctrl-C pauses the run after a checkpoint.');
      return view.progress(event.data);
    case 'metrics':
      return view.metrics(event.data);
    case 'sample': {
      const isShown = session.output.isLive && chooseMode(options.images) !== 'none';
      if (!isShown || !event.data.figure.startsWith('labels')) return;
      // Training continues without the picture if it is not available.
      const lines = await sampleLines(backend, run, event.data.figure).catch(() => undefined);
      if (lines) view.picture(lines);
      return;
    }
    default: {
      const remark = remarkOf(event, session.output);
      if (remark !== undefined) view.say(remark);
    }
  }
}

/** The part of a sheet of labels that fits under the progress bar. */
async function sampleLines(
  { client }: Backend,
  { id, dataset }: Pick<Run, 'id' | 'dataset'>,
  figure: string,
): Promise<string[]> {
  const [{ bytes }, { labels }] = await Promise.all([
    client.runs.figure(id, figure),
    client.datasets.get(dataset),
  ]);
  const part = shownPart(sizeOf(bytes), labels.length);
  return await blockLines(bytes, { columns: PICTURE_COLUMNS, part });
}

/** Handles Ctrl-C while a run is followed: the first one pauses a run of one's own, the next one stops following. */
function interruptions(
  session: Session,
  backend: Backend,
  runId: string,
  { owns, training }: FollowingOptions,
  view: RunView,
) {
  const leave = new AbortController();
  let count = 0;
  const pause = async (): Promise<void> => {
    view.hint('Pausing: the run writes a checkpoint ... (Ctrl-C again exits at once)');
    if (!session.output.isLive) session.output.notice('Pausing: the run writes a checkpoint ...');
    try {
      await backend.client.runs.pause(runId);
    } catch (error) {
      // A run that waits for a worker or publishes its model cannot be paused.
      session.output.warn((error as Error).message);
      if ((error as { code?: string }).code !== 'invalid_state') leave.abort();
    }
  };
  const done = session.onInterrupt(() => {
    count++;
    if (owns && count === 1) return void pause();
    if (training === undefined) {
      leave.abort();
      session.output.warn(`The run continues. Watch it: ${ownName()} runs watch ${runId}${backend.flags}`);
    } else if (count > 1) training.abandon();
  });
  return { left: leave.signal, done, count: () => count };
}

/** Prints the state of a run. @throws Ended when the run failed or was interrupted */
async function printResult(
  session: Session,
  { client, flags }: Backend,
  runId: string,
  isInterrupted: boolean,
): Promise<void> {
  const { output } = session;
  const run = await client.runs.get(runId);
  output.document({ type: 'run', data: run }, { compact: true });
  const { progress, error, modelId } = run;
  const at = `iteration ${whole(progress.iteration)} of ${whole(progress.iterations)}`;
  switch (run.state) {
    case 'succeeded': {
      const took = duration(progress.secondsElapsed);
      output.line(`${output.paint.green('done')}  ${output.paint.bold(modelId!)}  ${at} in ${took}`);
      if (run.evaluation) output.line(`      ${evaluationLine(run.evaluation)}`);
      const { labels } = await client.models.get(modelId!);
      output.notice(`Draw images with it: ${ownName()} generate ${quoted(labels[3] ?? labels[0]!)}${flags}`);
      return;
    }
    case 'paused':
    case 'queued': {
      const why = error === undefined ? '' : `: ${error.message}`;
      output.line(`${output.paint.yellow('paused')}  ${run.id} at ${at}${why}`);
      output.warn(`Go on with it: ${ownName()} train --resume ${run.id}${flags}`);
      if (isInterrupted) throw new Ended(EXIT.interrupted);
      if (error !== undefined) throw new Ended(EXIT.failure);
      return;
    }
    default:
      output.warn(
        `${output.paintError.red(run.state)}  ${run.id} at ${at}${error ? `: ${error.message}` : ''}`,
      );
      throw new Ended(EXIT.failure);
  }
}

const evaluationLine = (evaluation: NonNullable<Run['evaluation']>): string =>
  [
    `conditional accuracy ${percent(evaluation.conditionalAccuracy)}`,
    `Fréchet ${evaluation.frechetDistance.toFixed(4)}`,
    `coverage ${evaluation.coverage.toFixed(2)}`,
    `diversity ${evaluation.diversityRatio.toFixed(2)}`,
    `sharpness ${evaluation.sharpnessRatio.toFixed(2)}`,
  ].join(', ');

/** Quotes a label for a shell. */
const quoted = (label: string): string =>
  /^[\w.-]+$/.test(label) ? label : `'${label.replaceAll("'", "'\\''")}'`;
