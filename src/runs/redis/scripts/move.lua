-- Moves a run to the state that `arg.moves`, JSON of {from: to}, gives for its present one, and writes the patch.
-- With a fence, only for the run's owner, and a move that was made before succeeds again. `arg.revoke` takes the run
-- from its owner.
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
-- A run that is queued again gets a new job.
if to == 'queued' then redis.call('HINCRBY', key.run, '_job', 1) end
-- The patch says how the work on the run ended, which does not matter for a cancelled run.
if to ~= 'cancelled' then patch() end
return { 'moved', to, state }
