-- Changes the state of a run and writes the patch. `arg.moves` is JSON of {from: to}: it maps the current state to the
-- new one. With a fence, only the owner may do so, and repeating a move succeeds. `arg.revoke` revokes ownership.
local state = redis.call('HGET', key.run, 'state')
if not state then return { 'missing' } end
if arg.fence ~= '' and not owns() then return { 'fence' } end
local asked = redis.call('HMGET', key.run, '_asked', '_askedTo', '_askedFrom')
if asked[1] == arg.token then return { 'moved', asked[2], asked[3] } end
local moves = cjson.decode(arg.moves)
local to = moves[state]
if not to then
  if arg.fence ~= '' then
    for _, target in pairs(moves) do if target == state then return { 'moved', state, state } end end
  end
  return { 'state', state }
end
if arg.unlessPublishing ~= '' and redis.call('HEXISTS', key.run, '_publishing') == 1 then return { 'publishing', state } end
enter(to)
redis.call('HSET', key.run, '_asked', arg.token, '_askedTo', to, '_askedFrom', state)
if arg.revoke ~= '' then redis.call('HINCRBY', key.run, 'fence', 1) end
-- A requeued run gets a new job.
if to == 'queued' then redis.call('HINCRBY', key.run, '_job', 1) end
-- The patch describes how the training ended, which is irrelevant for a cancelled run.
if to ~= 'cancelled' then patch() end
return { 'moved', to, state }
