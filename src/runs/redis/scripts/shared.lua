-- Functions that all scripts share. scripts.ts inserts the state tables, such as TRANSITIONS, before this text.

-- Maximum number of entries in the outbox. Beyond it, the oldest are dropped.
local MAX_UNSENT = 100000

-- Appends an event to the run's stream, and to the outbox if the run's webhook subscribed to this type.
local function publish(kind, data)
  local id = redis.call('XADD', key.events, '*', 'type', kind, 'data', data)
  local hook = redis.call('HMGET', key.run, '_hooked', '_outbox')
  if hook[1] and string.find(hook[1], ',' .. kind .. ',', 1, true) then
    redis.call('XADD', hook[2], 'MAXLEN', '~', MAX_UNSENT, '*', 'run', key.run, 'event', id, 'type', kind, 'data', data)
  end
  return id
end

local function keepIn(set, belongs)
  redis.call(belongs and 'SADD' or 'SREM', set, arg.id)
end

-- The only place that writes a run's state. It updates the sets and publishes `state`, then `end` for a final state.
-- It raises an error for a forbidden transition, so scripts must call it before their own writes.
local function enter(to)
  local from = redis.call('HGET', key.run, 'state')
  local allowed = from and TRANSITIONS[from][to] or not from and to == INITIAL
  if not allowed then error('FORBIDDEN a run never goes from ' .. (from or 'nothing') .. ' to ' .. to) end
  redis.call('HSET', key.run, 'state', to)
  redis.call('HDEL', key.run, '_publishing')
  keepIn(key.queued, to == 'queued')
  keepIn(key.live, to ~= 'paused' and not FINISHED[to])
  publish('state', '{"state":"' .. to .. '"}')
  if FINISHED[to] then
    redis.call('HSET', key.run, 'finishedAt', arg.now)
    publish('end', '{"state":"' .. to .. '"}')
  end
end

-- Writes `arg.patch`, JSON of {field: text}. An empty text removes the field.
local function patch()
  for field, text in pairs(cjson.decode(arg.patch)) do
    if text == '' then redis.call('HDEL', key.run, field)
    else redis.call('HSET', key.run, field, text) end
  end
end

-- Whether the caller's fencing token is the current one.
local function owns()
  return redis.call('HGET', key.run, 'fence') == arg.fence
end
