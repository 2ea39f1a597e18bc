import type { Run, RunEvent } from '../../client/index.ts';
import type { Work } from '../../runs/local/work.ts';
import type { Backend } from './backend.ts';
import { ownName } from './names.ts';
import { sizeOf } from './pictures.ts';
import { Ended, EXIT } from './problems.ts';
import type { Session } from './session.ts';
import { blockLines, chooseMode, type ImageMode } from './terminal/images.ts';
import { openRunView, type RunView, remarkOf } from './terminal/run-view.ts';
import { duration, percent, whole } from './terminal/words.ts';

/** No event has this id: a stream asked to go on after it begins with a snapshot of the run as it is. */
const FROM_NOW = '0-1';
/** The first row of a sheet of labels, without margins and names: ten digits, folded to two rows of five. */
const FIRST_ROW = { left: 0.0136, top: 0.036, width: 0.9728, height: 0.0973, folded: true };
/** Width to height of such a sheet of ten labels, eight rows of each, whatever the size of its images. */
const TEN_LABELS = { least: 1.19, most: 1.23 };
/** The upper part of any other sheet. */
const UPPER_PART = { left: 0, top: 0, width: 1, height: 0.3, folded: false };
const PICTURE_COLUMNS = 70;

/** What of a sheet of labels is shown in a terminal. */
export function shownPart({ width, height }: { width: number; height: number }): typeof FIRST_ROW {
  const ratio = width / height;
  return ratio > TEN_LABELS.least && ratio < TEN_LABELS.most ? FIRST_ROW : UPPER_PART;
}

export interface FollowingOptions {
  /** Only what happens from now on. */
  fromNow: boolean;
  /** The first Ctrl-C pauses the run, where it otherwise only stops watching. */
  owns: boolean;
  /** The local process that trains it. */
  work?: Work | undefined;
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
  const work = await backend.local?.workOn(run.id);
  await followRun(session, backend, run, { ...how, owns: true, work });
}

/** Follows a run until it ends or is paused, shows what it says, and tells how it went. */
export async function followRun(
  session: Session,
  backend: Backend,
  run: Pick<Run, 'id' | 'config'>,
  options: FollowingOptions,
): Promise<void> {
  const view = openRunView(session.output);
  const interrupted = interruptions(session, backend, run.id, options, view);
  // Where it cannot be written down how the run ended, on a full disk for instance, its events do not end either.
  const untold = new AbortController();
  options.work?.done.catch((error: unknown) => untold.abort(error));
  try {
    const following = backend.client.runs.follow(run.id, {
      ...(options.fromNow ? { after: FROM_NOW } : {}),
      signal: AbortSignal.any([interrupted.left, untold.signal]),
      onLost: () => session.output.notice('The connection was lost; trying again ...'),
    });
    for await (const event of following) {
      session.output.document(event, { compact: true });
      if (!session.output.json) await show(event, { view, session, backend, runId: run.id, options });
      if (isOver(event)) break;
    }
  } catch (error) {
    if (!interrupted.left.aborted) throw error;
  } finally {
    view.close();
    interrupted.done();
  }
  if (interrupted.left.aborted && options.work === undefined) throw new Ended(EXIT.interrupted);
  await options.work?.done;
  await conclude(session, backend, run.id, interrupted.count() > 0);
}

/** A paused run says no more until it is resumed. */
function isOver(event: RunEvent): boolean {
  const state = event.type === 'state' || event.type === 'reset' ? event.data.state : undefined;
  return event.type === 'end' || state === 'paused';
}

async function show(
  event: RunEvent,
  {
    view,
    session,
    backend,
    runId,
    options,
  }: {
    view: RunView;
    session: Session;
    backend: Backend;
    runId: string;
    options: FollowingOptions;
  },
): Promise<void> {
  switch (event.type) {
    case 'reset':
      view.metrics(event.data.metrics);
      return view.progress(event.data.progress);
    case 'state':
      if (event.data.state === 'queued' && !backend.local)
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
      // A picture that cannot be had is no reason to stop watching.
      const figure = await backend.client.runs.figure(runId, event.data.figure).catch(() => undefined);
      if (!figure) return;
      const part = shownPart(sizeOf(figure.bytes));
      view.picture(await blockLines(figure.bytes, { columns: PICTURE_COLUMNS, part }));
      return;
    }
    default: {
      const remark = remarkOf(event, session.output);
      if (remark !== undefined) view.say(remark);
    }
  }
}

/** What Ctrl-C does while a run is followed: first to pause it, then to leave it to itself. */
function interruptions(
  session: Session,
  backend: Backend,
  runId: string,
  { owns, work }: FollowingOptions,
  view: RunView,
) {
  const leave = new AbortController();
  let count = 0;
  const pause = async (): Promise<void> => {
    view.hint('Pausing: it writes a checkpoint ... (Ctrl-C again leaves at once)');
    if (!session.output.isLive) session.output.notice('Pausing: the run writes a checkpoint ...');
    try {
      await backend.client.runs.pause(runId);
    } catch (error) {
      // It waits for a worker, or publishes its model: there is nothing to pause.
      session.output.warn((error as Error).message);
      if ((error as { code?: string }).code !== 'invalid_state') leave.abort();
    }
  };
  const done = session.onInterrupt(() => {
    count++;
    if (owns && count === 1) return void pause();
    if (work === undefined) {
      leave.abort();
      session.output.warn(
        `The run goes on by itself. Watch it: ${ownName()} runs watch ${runId}${backend.flags}`,
      );
    } else if (count > 1) work.abandon();
  });
  return { left: leave.signal, done, count: () => count };
}

/** Tells how a run stands, and throws where that is not what was wanted. */
async function conclude(
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
      output.notice(`Draw with it: ${ownName()} generate ${quoted(labels[3] ?? labels[0]!)}${flags}`);
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

/** A label as a shell takes it. */
const quoted = (label: string): string =>
  /^[\w.-]+$/.test(label) ? label : `'${label.replaceAll("'", "'\\''")}'`;
