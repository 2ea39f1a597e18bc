-- Counts the crashes of the run's process since its last checkpoint or evaluation.
if not owns() then return { 'fence' } end
if redis.call('HGET', key.run, '_crashCall') == arg.token then
  return { 'counted', tonumber(redis.call('HGET', key.run, '_crashes') or 0) }
end
redis.call('HSET', key.run, '_crashCall', arg.token)
return { 'counted', redis.call('HINCRBY', key.run, '_crashes', 1) }
