import { isDeepStrictEqual } from 'node:util';
import type { RunState, StoredEvent } from '../../src/client/index.ts';
import { TRANSITIONS } from '../../src/runs/machine/states.ts';
import { compareIds, markOf } from '../../src/runs/redis/events.ts';

/** Faults in the events of a finished run: order of ids, repeated iterations, state changes, the end. */
export function eventFaults(events: readonly StoredEvent[]): string[] {
  const faults: string[] = [];
  const highest = new Map<string, number>();
  let state: RunState | undefined;
  let seconds = 0;
  for (const [i, event] of events.entries()) {
    const at = `event ${event.id} (${event.type})`;
    if (i > 0 && compareIds(events[i - 1]!.id, event.id) >= 0) faults.push(`${at} is out of order`);
    const { mark, iteration } = markOf(event);
    if (mark !== '') {
      const before = highest.get(mark);
      if (before !== undefined && before >= Number(iteration))
        faults.push(`${at} repeats ${mark} ${iteration}`);
      highest.set(mark, Number(iteration));
    }
    if (event.type === 'progress') {
      if (event.data.secondsElapsed < seconds) faults.push(`${at}: secondsElapsed decreases`);
      seconds = event.data.secondsElapsed;
    }
    if (event.type !== 'state') continue;
    const next = event.data.state;
    if (state !== undefined && !TRANSITIONS[state].includes(next))
      faults.push(`${at} goes from ${state} to ${next}`);
    state = next;
  }
  const ends = events.filter(({ type }) => type === 'end').length;
  if (ends !== 1 || events.at(-1)?.type !== 'end')
    faults.push(`${ends} ends, the last event is ${events.at(-1)?.type}`);
  return faults;
}

/** Events that a follower missed or received twice, compared with the stored ones. */
export function followingFaults(followed: readonly StoredEvent[], stored: readonly StoredEvent[]): string[] {
  if (isDeepStrictEqual(followed, stored)) return [];
  const at = stored.findIndex((event, i) => !isDeepStrictEqual(event, followed[i]));
  const place = at === -1 ? stored.length : at;
  const [wanted, got] = [stored[place], followed[place]].map((event) => JSON.stringify(event)?.slice(0, 160));
  return [
    `a follower received ${followed.length} of ${stored.length} events; number ${place} was ${got} instead of ${wanted}`,
  ];
}
