import { Script } from '../../platform/redis/connection.ts';

/*
 * Each script is one atomic step on a run. All answer with a list whose first item names the outcome.
 * KEYS[1] is always the run's hash, KEYS[2] its event stream.
 *
 * A command whose answer was lost with the connection is sent again by the client, though it may have been carried out.
 * Steps that are not the same when done twice take a token, drawn for each call: the same one again gets the same answer.
 */

/** Events for webhooks that wait for a server to send them; with none for long, the oldest are dropped. */
const MOST_UNSENT = 100_000;

const HELPERS = `
local function tell(kind, data)
  local id = redis.call('XADD', KEYS[2], '*', 'type', kind, 'data', data)
  -- Kinds that the run's webhook wants, and the stream where they are put aside for it.
  local hook = redis.call('HMGET', KEYS[1], '_hooked', '_outbox')
  if hook[1] and string.find(hook[1], ',' .. kind .. ',', 1, true) then
    redis.call('XADD', hook[2], 'MAXLEN', '~', ${MOST_UNSENT}, '*', 'run', KEYS[1], 'event', id, 'type', kind, 'data', data)
  end
  return id
end
local function member(set, id, belongs)
  redis.call(belongs and 'SADD' or 'SREM', set, id)
end
local FINISHED = { succeeded = true, failed = true, cancelled = true }
-- Writes the state, keeps the sets in step and tells the world. KEYS[3]: queued, KEYS[4]: live.
local function enter(id, state, now)
  redis.call('HSET', KEYS[1], 'state', state)
  redis.call('HDEL', KEYS[1], '_publishing')
  member(KEYS[3], id, state == 'queued')
  member(KEYS[4], id, state ~= 'paused' and not FINISHED[state])
  tell('state', '{"state":"' .. state .. '"}')
  if FINISHED[state] then
    redis.call('HSET', KEYS[1], 'finishedAt', now)
    tell('end', '{"state":"' .. state .. '"}')
  end
end
local function patch(first)
  for i = first, #ARGV, 2 do
    if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[i])
    else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
  end
end
`;

/** KEYS: run, events, queued, live, runs, idempotency. ARGV: id, limit, body digest or '', seconds to keep it, run-key prefix, fields… */
export const CREATE = new Script(`${HELPERS}
if ARGV[3] ~= '' then
  local known = redis.call('HMGET', KEYS[6], 'run', 'body')
  if known[1] and redis.call('EXISTS', ARGV[5] .. known[1]) == 1 then
    if known[2] == ARGV[3] then return { 'replayed', known[1] } end
    return { 'conflict', known[1] }
  end
end
if redis.call('EXISTS', KEYS[1]) == 1 then return { 'created', ARGV[1] } end
local waiting = redis.call('SCARD', KEYS[3])
if waiting >= tonumber(ARGV[2]) then return { 'full', tostring(waiting) } end
patch(6)
redis.call('HSET', KEYS[1], 'fence', 0, '_job', 1)
redis.call('ZADD', KEYS[5], 0, ARGV[1])
enter(ARGV[1], 'queued', '')
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[6], 'run', ARGV[1], 'body', ARGV[3])
  redis.call('EXPIRE', KEYS[6], ARGV[4])
end
return { 'created', ARGV[1] }
`);

/**
 * KEYS: run, events, queued, live. ARGV: id, fence or '', JSON of {state: next state}, now (JSON),
 * '1' to refuse while it publishes, the call's token, patch… A run that is queued again gets a new job; one that ends cancelled does
 * not get the patch, which tells how its work ended. With a fence, a move that was made before succeeds again.
 */
export const MOVE = new Script(`${HELPERS}
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return { 'missing' } end
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'fence') ~= ARGV[2] then return { 'fence' } end
local asked = redis.call('HMGET', KEYS[1], '_asked', '_askedTo', '_askedFrom')
if asked[1] == ARGV[6] then return { 'moved', asked[2], asked[3] } end
local moves = cjson.decode(ARGV[3])
local to = moves[state]
if not to then
  if ARGV[2] ~= '' then
    for _, target in pairs(moves) do if target == state then return { 'moved', state, state } end end
  end
  return { 'state', state }
end
if ARGV[5] == '1' and redis.call('HEXISTS', KEYS[1], '_publishing') == 1 then return { 'publishing' } end
redis.call('HSET', KEYS[1], '_asked', ARGV[6], '_askedTo', to, '_askedFrom', state)
if to == 'queued' then redis.call('HINCRBY', KEYS[1], '_job', 1) end
if to ~= 'cancelled' then patch(7) end
enter(ARGV[1], to, ARGV[4])
return { 'moved', to, state }
`);

/**
 * A worker holds a job of the run. KEYS: run, events, queued, live. ARGV: id, the job's number, now (JSON), the call's token.
 * A run found running lost its worker. Requests made meanwhile are carried out at once.
 */
export const TAKE = new Script(`${HELPERS}
local state = redis.call('HGET', KEYS[1], 'state')
if not state or redis.call('HGET', KEYS[1], '_job') ~= ARGV[2] then return { 'dropped' } end
if state == 'pausing' or state == 'cancelling' then
  redis.call('HINCRBY', KEYS[1], 'fence', 1)
  enter(ARGV[1], state == 'pausing' and 'paused' or 'cancelled', ARGV[3])
  return { 'dropped' }
end
if state ~= 'queued' and state ~= 'running' then return { 'dropped' } end
if redis.call('HGET', KEYS[1], '_taker') == ARGV[4] then
  return { 'taken', tonumber(redis.call('HGET', KEYS[1], 'fence')) }
end
redis.call('HSET', KEYS[1], '_taker', ARGV[4])
if state == 'running' then enter(ARGV[1], 'queued', '') end
local fence = redis.call('HINCRBY', KEYS[1], 'fence', 1)
if redis.call('HGET', KEYS[1], 'startedAt') == 'null' then redis.call('HSET', KEYS[1], 'startedAt', ARGV[3]) end
enter(ARGV[1], 'running', '')
return { 'taken', fence }
`);

/** KEYS: run, events, marks, metrics. ARGV: fence, type, data (JSON), kind of mark or '', iteration, field or '', the call's token. */
export const APPEND = new Script(`${HELPERS}
local fence = redis.call('HGET', KEYS[1], 'fence')
if not fence then return { 'missing' } end
if fence ~= ARGV[1] then return { 'fence' } end
local last = redis.call('HMGET', KEYS[3], '_call', '_id')
if last[1] == ARGV[7] then return { 'told', last[2] } end
if ARGV[4] ~= '' then
  local mark = redis.call('HGET', KEYS[3], ARGV[4])
  if mark and tonumber(mark) >= tonumber(ARGV[5]) then return { 'known' } end
  redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], ARGV[6], ARGV[3]) end
if ARGV[2] == 'diagnosis' then
  local before = redis.call('HGET', KEYS[1], 'diagnoses')
  local list = before and string.sub(before, 1, -2) .. ',' or '['
  redis.call('HSET', KEYS[1], 'diagnoses', list .. ARGV[3] .. ']')
end
if ARGV[2] == 'checkpoint' or ARGV[2] == 'evaluation' then redis.call('HDEL', KEYS[1], '_crashes') end
if ARGV[2] == 'metrics' then redis.call('XADD', KEYS[4], ARGV[5] .. '-1', 'data', ARGV[3]) end
-- An iteration's evidence comes after its losses.
if ARGV[2] == 'validation' then redis.call('XADD', KEYS[4], ARGV[5] .. '-2', 'data', ARGV[3]) end
local id = tell(ARGV[2], ARGV[3])
redis.call('HSET', KEYS[3], '_call', ARGV[7], '_id', id)
return { 'told', id }
`);

/** KEYS: run. ARGV: fence, patch… */
export const PATCH = new Script(`${HELPERS}
local fence = redis.call('HGET', KEYS[1], 'fence')
if not fence then return { 'missing' } end
if fence ~= ARGV[1] then return { 'fence' } end
patch(2)
return { 'patched' }
`);

/** KEYS: run. ARGV: fence, the call's token. Counts crashes since the last checkpoint or evaluation. */
export const CRASHED = new Script(`
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return { 'fence' } end
if redis.call('HGET', KEYS[1], '_crashCall') == ARGV[2] then
  return { 'counted', tonumber(redis.call('HGET', KEYS[1], '_crashes') or 0) }
end
redis.call('HSET', KEYS[1], '_crashCall', ARGV[2])
return { 'counted', redis.call('HINCRBY', KEYS[1], '_crashes', 1) }
`);

/**
 * The point of no return: from here a pause or cancel is refused. KEYS: run. ARGV: fence, a fresh model id.
 * A run that died while publishing gets the id it had, so that it publishes one model whatever happens.
 */
export const BEGIN_PUBLISHING = new Script(`
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return { 'fence' } end
if redis.call('HGET', KEYS[1], 'state') ~= 'running' then return { 'stop' } end
redis.call('HSETNX', KEYS[1], '_model', ARGV[2])
redis.call('HSET', KEYS[1], '_publishing', 1)
return { 'publish', redis.call('HGET', KEYS[1], '_model') }
`);

/**
 * KEYS: run, deliveries. ARGV: the delivery (JSON), how many to keep. A run that was removed meanwhile is not heard of
 * again; a delivery that was written down before is not written twice.
 */
export const NOTE_DELIVERY = new Script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return { 'missing' } end
if not redis.call('LPOS', KEYS[2], ARGV[1]) then
  redis.call('LPUSH', KEYS[2], ARGV[1])
  redis.call('LTRIM', KEYS[2], 0, ARGV[2] - 1)
end
return { 'noted' }
`);

/** KEYS: run, events, marks, metrics, deliveries, runs. ARGV: id. */
export const REMOVE = new Script(`${HELPERS}
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return { 'missing' } end
if not FINISHED[state] then return { 'state', state } end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
redis.call('ZREM', KEYS[6], ARGV[1])
return { 'removed' }
`);
