-- Appends an event for the run's owner, once per mark and iteration, because a resumed run repeats some iterations.
if redis.call('EXISTS', key.run) == 0 then return { 'missing' } end
if not owns() then return { 'fence' } end
local last = redis.call('HMGET', key.marks, '_call', '_id')
if last[1] == arg.token then return { 'appended', last[2] } end
if arg.mark ~= '' then
  local highest = redis.call('HGET', key.marks, arg.mark)
  if highest and tonumber(highest) >= tonumber(arg.iteration) then return { 'known' } end
  redis.call('HSET', key.marks, arg.mark, arg.iteration)
end
-- The record keeps a copy of the newest event of this type.
if arg.field ~= '' then redis.call('HSET', key.run, arg.field, arg.data) end
if arg.kind == 'diagnosis' then
  local before = redis.call('HGET', key.run, 'diagnoses')
  local list = before and string.sub(before, 1, -2) .. ',' or '['
  redis.call('HSET', key.run, 'diagnoses', list .. arg.data .. ']')
end
if arg.kind == 'checkpoint' or arg.kind == 'evaluation' then redis.call('HDEL', key.run, '_crashes') end
if arg.kind == 'metrics' then redis.call('XADD', key.metrics, arg.iteration .. '-1', 'data', arg.data) end
-- The validation of an iteration follows its losses.
if arg.kind == 'validation' then redis.call('XADD', key.metrics, arg.iteration .. '-2', 'data', arg.data) end
local id = publish(arg.kind, arg.data)
redis.call('HSET', key.marks, '_call', arg.token, '_id', id)
return { 'appended', id }
