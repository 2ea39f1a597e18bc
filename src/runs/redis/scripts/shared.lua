-- What scripts share. scripts.ts puts the state tables, TRANSITIONS among them, before this text.

-- Events that wait in the outbox; beyond this number the oldest are dropped.
local MOST_UNSENT = 100000

-- Appends an event to the run's stream, and to the outbox if the run's webhook wants events of this kind.
local function publish(kind, data)
  local id = redis.call('XADD', key.events, '*', 'type', kind, 'data', data)
  local hook = redis.call('HMGET', key.run, '_hooked', '_outbox')
  if hook[1] and string.find(hook[1], ',' .. kind .. ',', 1, true) then
    redis.call('XADD', hook[2], 'MAXLEN', '~', MOST_UNSENT, '*', 'run', key.run, 'event', id, 'type', kind, 'data', data)
  end
  return id
end

local function keepIn(set, belongs)
  redis.call(belongs and 'SADD' or 'SREM', set, arg.id)
end

-- The only place that writes a run's state. It refuses what the table does not allow, before anything is written:
-- scripts call it before their own writes. Then it updates the sets and publishes `state`, and `end` after the last.
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

-- Writes `arg.patch`: JSON of {field: text}, where an empty text removes the field.
local function patch()
  for field, text in pairs(cjson.decode(arg.patch)) do
    if text == '' then redis.call('HDEL', key.run, field)
    else redis.call('HSET', key.run, field, text) end
  end
end

-- Whether the caller's token is that of the run's owner.
local function owns()
  return redis.call('HGET', key.run, 'fence') == arg.fence
end
