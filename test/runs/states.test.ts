import assert from 'node:assert/strict';
import test from 'node:test';
import { newRunId } from '../../src/core/contracts/common.ts';
import { FINISHED_STATES, RunState } from '../../src/core/contracts/run.ts';
import {
  type Moves,
  OUTCOMES,
  type OutcomeKind,
  REQUESTS,
  TRANSITIONS,
} from '../../src/runs/machine/states.ts';
import { MOVE, runKeys } from '../../src/runs/redis/scripts.ts';
import { allEvents, newRun, type Workplace, withCode, workplace } from './support.ts';

const states = RunState.options;
const kinds = Object.keys(OUTCOMES) as OutcomeKind[];

interface Reached {
  id: string;
  fence: number;
}

/** How production brings a run to each state. */
const ROUTES: Record<RunState, (place: Workplace, run: Reached) => Promise<unknown>> = {
  queued: async () => undefined,
  running: (place, run) => take(place, run),
  pausing: async (place, run) => {
    await take(place, run);
    await place.runs.request(run.id, 'pause');
  },
  paused: async (place, run) => {
    await take(place, run);
    await place.runs.settle(run.id, run.fence, 'blocked');
  },
  cancelling: async (place, run) => {
    await take(place, run);
    await place.runs.request(run.id, 'cancel');
  },
  cancelled: (place, { id }) => place.runs.request(id, 'cancel'),
  succeeded: async (place, run) => {
    await take(place, run);
    await place.runs.settle(run.id, run.fence, 'succeeded');
  },
  failed: async (place, run) => {
    await take(place, run);
    await place.runs.settle(run.id, run.fence, 'failed');
  },
};

async function take(place: Workplace, run: Reached): Promise<void> {
  run.fence = (await place.runs.take({ runId: run.id, number: 1 }))!;
}

async function runIn(place: Workplace, state: RunState): Promise<Reached> {
  const { id } = (await place.runs.create(newRun())).run;
  const run = { id, fence: 0 };
  await ROUTES[state](place, run);
  assert.equal((await place.runs.get(id)).state, state);
  return run;
}

const move = (place: Workplace, id: string, moves: Moves) =>
  MOVE.run(place.redis, runKeys(place.keys, id), {
    id,
    fence: undefined,
    moves: JSON.stringify(moves),
    unlessPublishing: undefined,
    revoke: undefined,
    patch: '{}',
    now: JSON.stringify(new Date().toISOString()),
    token: newRunId(),
  });

test('every move of a request or an outcome is a transition of the table', () => {
  for (const [name, moves] of Object.entries({ ...REQUESTS, ...OUTCOMES })) {
    for (const [from, to] of Object.entries(moves)) {
      assert.ok(TRANSITIONS[from as RunState].includes(to), `${name}: ${from} to ${to}`);
    }
  }
});

test('every transition of the table follows from a request, an outcome, or a worker that takes the run', () => {
  const reasons: Moves[] = [...Object.values(REQUESTS), ...Object.values(OUTCOMES), { queued: 'running' }];
  for (const from of states) {
    for (const to of TRANSITIONS[from]) {
      assert.ok(
        reasons.some((moves) => moves[from] === to),
        `${from} to ${to}`,
      );
    }
  }
});

test('for every pair of states, the script makes the move if the table allows it, and changes nothing if not', async (t) => {
  const place = await workplace(t, { queueLimit: 1_000 });
  for (const from of states) {
    for (const to of states) {
      const { id } = await runIn(place, from);
      const [hash, before] = [await place.redis.hgetall(place.keys.run(id)), await allEvents(place, id)];
      const moving = move(place, id, { [from]: to });
      if (!TRANSITIONS[from].includes(to)) {
        await assert.rejects(moving, new RegExp(`FORBIDDEN a run never goes from ${from} to ${to}`));
        assert.deepEqual(await place.redis.hgetall(place.keys.run(id)), hash);
        assert.deepEqual(await allEvents(place, id), before);
        continue;
      }
      assert.deepEqual(await moving, ['moved', to, from]);
      const run = await place.runs.get(id);
      const finished = (FINISHED_STATES as RunState[]).includes(to);
      assert.deepEqual([run.state, run.finishedAt !== null], [to, finished]);
      assert.deepEqual(
        (await allEvents(place, id)).slice(before.length).map(({ type, data }) => [type, data.state]),
        finished
          ? [
              ['state', to],
              ['end', to],
            ]
          : [['state', to]],
      );
      assert.equal(await place.redis.sismember(place.keys.queued, id), Number(to === 'queued'));
      assert.equal(await place.redis.sismember(place.keys.live, id), Number(to !== 'paused' && !finished));
    }
  }
});

test('a request moves a run from the states it applies to and is refused in all others', async (t) => {
  const place = await workplace(t, { queueLimit: 1_000 });
  for (const kind of Object.keys(REQUESTS) as (keyof typeof REQUESTS)[]) {
    for (const from of states) {
      const { id } = await runIn(place, from);
      const to = (REQUESTS[kind] as Moves)[from];
      if (to === undefined) {
        await assert.rejects(place.runs.request(id, kind), withCode('invalid_state'), `${kind} ${from}`);
        assert.equal((await place.runs.get(id)).state, from);
      } else {
        assert.equal((await place.runs.request(id, kind)).state, to, `${kind} ${from}`);
      }
    }
  }
  await assert.rejects(place.runs.request(newRunId(), 'cancel'), withCode('run_not_found'));
});

test('an outcome moves a run as the table says, stands when repeated, and is refused in all other states', async (t) => {
  const place = await workplace(t, { queueLimit: 1_000 });
  for (const kind of kinds) {
    const moves: Moves = OUTCOMES[kind];
    for (const from of states) {
      const { id, fence } = await runIn(place, from);
      const settling = place.runs.settle(id, fence, kind);
      if (moves[from] !== undefined) assert.equal(await settling, moves[from], `${kind} ${from}`);
      else if (Object.values(moves).includes(from)) assert.equal(await settling, from, `${kind} ${from}`);
      else await assert.rejects(settling, withCode('invalid_state'), `${kind} ${from}`);
    }
  }
});

test('a worker that takes a run in any state leads it where the table says', async (t) => {
  const place = await workplace(t, { queueLimit: 1_000 });
  const lost: Moves = OUTCOMES.died;
  for (const from of states) {
    const { id } = await runIn(place, from);
    const fence = await place.runs.take({ runId: id, number: 1 });
    const state = lost[from] ?? from;
    assert.equal(fence !== undefined, state === 'queued', from);
    assert.equal((await place.runs.get(id)).state, state === 'queued' ? 'running' : state, from);
  }
});
