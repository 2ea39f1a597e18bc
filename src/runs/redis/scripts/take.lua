-- Makes the caller the run's owner. The caller is a worker with the run's current job, or a command, whose process
-- `arg.owner` names. A worker may find a job whose run is still in training. That run lost its owner, so pending
-- requests to pause or cancel take effect at once. A command takes only queued runs.
local state = redis.call('HGET', key.run, 'state')
if not state then return { 'missing' } end
if arg.owner == '' and redis.call('HGET', key.run, '_job') ~= arg.job then return { 'dropped' } end
if state == 'running' and redis.call('HGET', key.run, '_taker') == arg.token then
  return { 'taken', tonumber(redis.call('HGET', key.run, 'fence')) }
end
if arg.owner ~= '' and state ~= 'queued' then return { 'state', state } end
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
if arg.owner == '' then redis.call('HDEL', key.run, '_owner')
else redis.call('HSET', key.run, '_owner', arg.owner) end
if redis.call('HGET', key.run, 'startedAt') == 'null' then redis.call('HSET', key.run, 'startedAt', arg.now) end
return { 'taken', redis.call('HINCRBY', key.run, 'fence', 1) }
