-- Makes the worker that holds the run's current job the run's owner. A run that has an owner already has lost it:
-- requests made meanwhile are carried out at once.
local state = redis.call('HGET', key.run, 'state')
if not state or redis.call('HGET', key.run, '_job') ~= arg.job then return { 'dropped' } end
if state == 'running' and redis.call('HGET', key.run, '_taker') == arg.token then
  return { 'taken', tonumber(redis.call('HGET', key.run, 'fence')) }
end
local afterLoss = AFTER_LOSS[state]
if afterLoss then
  enter(afterLoss)
  state = afterLoss
end
if state ~= 'queued' then
  if afterLoss then redis.call('HINCRBY', key.run, 'fence', 1) end
  return { 'dropped' }
end
enter('running')
redis.call('HSET', key.run, '_taker', arg.token)
if redis.call('HGET', key.run, 'startedAt') == 'null' then redis.call('HSET', key.run, 'startedAt', arg.now) end
return { 'taken', redis.call('HINCRBY', key.run, 'fence', 1) }
