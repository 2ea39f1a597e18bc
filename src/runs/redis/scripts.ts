import { readFileSync } from 'node:fs';
import { FINISHED_STATES, type RunState } from '../../core/contracts/run.ts';
import type { Keys } from '../../platform/redis/key-names.ts';
import { luaLiteral, Script } from '../../platform/redis/script.ts';
import { INITIAL, OUTCOMES, TRANSITIONS } from '../machine/states.ts';

/*
 * Each script is one atomic step on a run, in a file of its own under scripts/. All answer with a list whose first
 * item names the outcome.
 *
 * When an answer is lost with the connection, the client sends the command again, though Redis may have carried it
 * out. So steps that are not idempotent take a token, drawn for each call: the same token gets the same answer.
 */

const lua = (name: string): string => readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), 'utf8');

const setOf = (states: readonly RunState[]) => Object.fromEntries(states.map((state) => [state, true]));

/** The table of states.ts as Lua, so that each script enforces it, and what scripts share. */
const PRELUDE = `local TRANSITIONS = ${luaLiteral(
  Object.fromEntries(Object.entries(TRANSITIONS).map(([from, to]) => [from, setOf(to)])),
)}
local INITIAL = ${luaLiteral(INITIAL)}
local FINISHED = ${luaLiteral(setOf(FINISHED_STATES))}
local AFTER_LOSS = ${luaLiteral(OUTCOMES.died)}
${lua('shared')}`;

/** The keys of one run and those that all runs share, by the names that scripts use. */
export const runKeys = (keys: Keys, id: string) => ({
  run: keys.run(id),
  events: keys.events(id),
  marks: keys.marks(id),
  metrics: keys.metrics(id),
  deliveries: keys.deliveries(id),
  queued: keys.queued,
  live: keys.live,
  runs: keys.runs,
});

/** What a script needs in order to change a run's state. */
const STATE_KEYS = ['run', 'events', 'queued', 'live'] as const;

const answering =
  <Answer>() =>
  <Key extends string, Arg extends string>(name: string, keys: readonly Key[], args: readonly Arg[]) =>
    new Script<Key, Arg, Answer>({ body: lua(name), prelude: PRELUDE, keys, args });

type Refusal = ['missing'] | ['fence'];

export const CREATE = answering<['created' | 'replayed' | 'conflict' | 'full', string]>()(
  'create',
  [...STATE_KEYS, 'runs', 'idempotency'],
  ['id', 'limit', 'bodyDigest', 'keepSeconds', 'runPrefix', 'patch'],
);

export const MOVE = answering<
  Refusal | ['moved', to: RunState, from: RunState] | ['state' | 'publishing', RunState]
>()('move', STATE_KEYS, ['id', 'fence', 'moves', 'unlessPublishing', 'revoke', 'patch', 'now', 'token']);

export const TAKE = answering<['taken', fence: number] | ['dropped'] | ['missing'] | ['state', RunState]>()(
  'take',
  STATE_KEYS,
  ['id', 'job', 'owner', 'now', 'token'],
);

export const APPEND = answering<Refusal | ['appended', eventId: string] | ['known']>()(
  'append',
  ['run', 'events', 'marks', 'metrics'],
  ['fence', 'kind', 'data', 'mark', 'iteration', 'field', 'token'],
);

export const PATCH = answering<Refusal | ['patched']>()('patch', ['run'], ['fence', 'patch']);

export const COUNT_CRASH = answering<Refusal | ['counted', number]>()(
  'count-crash',
  ['run'],
  ['fence', 'token'],
);

export const BEGIN_PUBLISHING = answering<Refusal | ['stop'] | ['publish', modelId: string]>()(
  'begin-publishing',
  ['run'],
  ['fence', 'freshModelId'],
);

export const RECORD_DELIVERY = answering<['recorded' | 'missing']>()(
  'record-delivery',
  ['run', 'deliveries'],
  ['delivery', 'keep'],
);

export const REMOVE = answering<['missing' | 'removed'] | ['state', RunState]>()(
  'remove',
  ['run', 'events', 'marks', 'metrics', 'deliveries', 'runs'],
  ['id'],
);
