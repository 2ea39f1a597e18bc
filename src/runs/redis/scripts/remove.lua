-- Removes a finished run.
local state = redis.call('HGET', key.run, 'state')
if not state then return { 'missing' } end
if not FINISHED[state] then return { 'state', state } end
redis.call('DEL', key.run, key.events, key.marks, key.metrics, key.deliveries)
redis.call('ZREM', key.runs, arg.id)
return { 'removed' }
