import { useEffect, useRef, useState } from 'preact/hooks';
import { announce } from './announce.ts';
import { getJson, messageOf } from './api.ts';
import type { CheckpointInfo, Figure, Page, Run, RunEvent, Series } from './contract.ts';
import { emptyView, type History, type RunView, withEvent, withHistory } from './run-view.ts';
import { apiKey } from './session.ts';
import { followEvents } from './sse.ts';

/** Points of a curve that are loaded; what comes later is added one by one. */
const MAX_POINTS = 2_000;
/** No event has this id, so that the stream begins with a snapshot of the run. */
const FROM_NOW = 'snapshot';

/** All pages of a list. */
export async function getAll<T>(path: string, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const next: Page<T> = await getJson(`${path}?limit=200${cursor && `&cursor=${cursor}`}`, signal);
    items.push(...next.items);
    cursor = next.nextCursor;
  }
  return items;
}

export async function loadHistory(run: string, signal: AbortSignal): Promise<History> {
  const [{ series }, figures, checkpoints] = await Promise.all([
    getJson<{ series: Series }>(`/runs/${run}/metrics?maxPoints=${MAX_POINTS}`, signal),
    getAll<Figure>(`/runs/${run}/figures`, signal),
    getAll<CheckpointInfo>(`/runs/${run}/checkpoints`, signal),
  ]);
  return { series, figures, checkpoints };
}

export interface FollowedRun {
  view: RunView | undefined;
  error: string | undefined;
}

/** A run as it is and as it goes on: a snapshot, its history, then every event once. */
export function useRun(id: string): FollowedRun {
  const [state, setState] = useState<FollowedRun>({ view: undefined, error: undefined });
  const lastState = useRef<Run['state'] | undefined>(undefined);
  const key = apiKey.value;
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const update = (change: (view: RunView) => RunView): void =>
      setState(({ view, error }) => ({ view: view && change(view), error }));
    const fail = (error: unknown): void => {
      if (!signal.aborted) setState(({ view }) => ({ view, error: messageOf(error) }));
    };
    const fill = async (): Promise<void> => {
      const history = await loadHistory(id, signal);
      update((view) => withHistory(view, history));
    };
    let snapshotId = '';
    const onEvent = (event: RunEvent): void => {
      if (event.type === 'reset') {
        snapshotId = event.id;
        const run = event.data as unknown as Run;
        setState(({ view }) => ({ view: withEvent(view ?? emptyView(run), event), error: undefined }));
        fill().catch(fail);
        return;
      }
      update((view) => withEvent(view, event));
      // The snapshot of a finished run is followed by the end that it knows already.
      if (event.type === 'end' && event.id !== snapshotId) refresh().catch(fail);
    };
    /** What only the record tells, such as the model that was published. */
    const refresh = async (): Promise<void> => {
      const run = await getJson<Run>(`/runs/${id}`, signal);
      update((view) => ({ ...view, run }));
      await fill();
    };
    setState({ view: undefined, error: undefined });
    followEvents({ path: `/runs/${id}/events`, lastEventId: FROM_NOW, onEvent, signal }).catch(fail);
    return () => controller.abort();
  }, [id, key]);
  const now = state.view?.run.state;
  useEffect(() => {
    if (lastState.current !== undefined && now !== undefined) announce(`The run is ${now}.`);
    lastState.current = now;
  }, [now]);
  return state;
}
