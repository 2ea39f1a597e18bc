import { useEffect, useRef, useState } from 'preact/hooks';
import type { RunState } from '../../client/index.ts';
import { announce } from './announce.ts';
import { client, listAll, messageOf } from './client.ts';
import { emptyView, type History, type RunView, withEvent, withHistory } from './run-view.ts';
import { apiKey, connection, serverReturns } from './session.ts';

/** Points per curve to load; later points arrive as events. */
const MAX_POINTS = 2_000;
/** No event has this id, so the stream starts with a `reset`: a snapshot of the run. */
const FROM_NOW = 'snapshot';

export async function loadHistory(run: string, signal: AbortSignal): Promise<History> {
  const [{ series }, figures, checkpoints] = await Promise.all([
    client.runs.metrics(run, { maxPoints: MAX_POINTS, signal }),
    listAll((page) => client.runs.figures(run, page), signal),
    listAll((page) => client.runs.checkpoints(run, page), signal),
  ]);
  return { series, figures, checkpoints };
}

export interface FollowedRun {
  view: RunView | undefined;
  error: string | undefined;
}

/** A run that stays up to date: a snapshot, its history, then each later event once. */
export function useRun(id: string): FollowedRun {
  const [state, setState] = useState<FollowedRun>({ view: undefined, error: undefined });
  const key = apiKey.value;
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const update = (change: (view: RunView) => RunView): void =>
      setState(({ view, error }) => ({ view: view && change(view), error }));
    const fail = (error: unknown): void => {
      if (!signal.aborted) setState(({ view }) => ({ view, error: messageOf(error) }));
    };
    const loadPast = async (): Promise<void> => {
      const history = await loadHistory(id, signal);
      update((view) => withHistory(view, history));
    };
    /** Loads what no event contains, such as the published model. */
    const reloadRun = async (): Promise<void> => {
      const run = await client.runs.get(id, { signal });
      update((view) => ({ ...view, run }));
      await loadPast();
    };
    const follow = async (): Promise<void> => {
      let snapshotId = '';
      const events = client.runs.follow(id, {
        after: FROM_NOW,
        signal,
        patienceMs: Number.POSITIVE_INFINITY,
        onLost: () => {
          connection.value = 'lost';
        },
        wake: serverReturns,
      });
      for await (const event of events) {
        if (event.type === 'reset') {
          snapshotId = event.id;
          setState(({ view }) => ({
            view: withEvent(view ?? emptyView(event.data), event),
            error: undefined,
          }));
          loadPast().catch(fail);
          continue;
        }
        update((view) => withEvent(view, event));
        // The snapshot of a finished run already contains its end.
        if (event.type === 'end' && event.id !== snapshotId) reloadRun().catch(fail);
      }
    };
    setState({ view: undefined, error: undefined });
    follow().catch(fail);
    return () => controller.abort();
  }, [id, key]);
  useAnnouncedState(state.view?.run.state);
  return state;
}

/** Announces each change of a run's state to screen readers. */
function useAnnouncedState(now: RunState | undefined): void {
  const before = useRef<RunState | undefined>(undefined);
  useEffect(() => {
    if (before.current !== undefined && now !== undefined) announce(`The run is ${now}.`);
    before.current = now;
  }, [now]);
}
