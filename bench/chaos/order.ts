import { isDeepStrictEqual } from 'node:util';
import type { RunEvent, RunState } from '../../src/core/contracts/run.ts';
import { TRANSITIONS } from '../../src/runs/machine/states.ts';
import { compareIds, markOf } from '../../src/runs/redis/events.ts';

/** What is wrong with the events of a finished run in themselves: ids, order, doubles, states, its end. */
export function eventFaults(events: readonly RunEvent[]): string[] {
  const faults: string[] = [];
  const highest = new Map<string, number>();
  let state: RunState | undefined;
  let seconds = 0;
  for (const [i, event] of events.entries()) {
    const { id, type, data } = event;
    const at = `event ${id} (${type})`;
    if (i > 0 && compareIds(events[i - 1]!.id, id) >= 0) faults.push(`${at} is out of order`);
    const { mark, iteration } = markOf(event as never);
    if (mark !== '') {
      const before = highest.get(mark);
      if (before !== undefined && before >= Number(iteration))
        faults.push(`${at} tells ${mark} ${iteration} again`);
      highest.set(mark, Number(iteration));
    }
    if (type === 'progress') {
      if ((data.secondsElapsed as number) < seconds) faults.push(`${at}: the clock goes back`);
      seconds = data.secondsElapsed as number;
    }
    if (type !== 'state') continue;
    const next = data.state as RunState;
    if (state !== undefined && !TRANSITIONS[state].includes(next))
      faults.push(`${at} goes from ${state} to ${next}`);
    state = next;
  }
  const ends = events.filter(({ type }) => type === 'end').length;
  if (ends !== 1 || events.at(-1)?.type !== 'end')
    faults.push(`${ends} ends, the last event is ${events.at(-1)?.type}`);
  return faults;
}

/** What a follower missed or heard twice, against what is stored. */
export function followingFaults(followed: readonly RunEvent[], stored: readonly RunEvent[]): string[] {
  if (isDeepStrictEqual(followed, stored)) return [];
  const at = stored.findIndex((event, i) => !isDeepStrictEqual(event, followed[i]));
  const place = at === -1 ? stored.length : at;
  const [wanted, got] = [stored[place], followed[place]].map((event) => JSON.stringify(event)?.slice(0, 160));
  return [
    `a follower heard ${followed.length} of ${stored.length} events; number ${place} was ${got} in place of ${wanted}`,
  ];
}
