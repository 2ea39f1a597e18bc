-- Creates a queued run. A known idempotency key returns the run that it created.
if arg.bodyDigest ~= '' then
  local known = redis.call('HMGET', key.idempotency, 'run', 'body')
  if known[1] and redis.call('EXISTS', arg.runPrefix .. known[1]) == 1 then
    if known[2] == arg.bodyDigest then return { 'replayed', known[1] } end
    return { 'conflict', known[1] }
  end
end
if redis.call('EXISTS', key.run) == 1 then return { 'created', arg.id } end
local waiting = redis.call('SCARD', key.queued)
if waiting >= tonumber(arg.limit) then return { 'full', tostring(waiting) } end
-- Write the fields first: those of the webhook decide whether the first event goes to the outbox.
patch()
redis.call('HSET', key.run, 'fence', 0, '_job', 1)
redis.call('ZADD', key.runs, 0, arg.id)
enter(INITIAL)
if arg.bodyDigest ~= '' then
  redis.call('HSET', key.idempotency, 'run', arg.id, 'body', arg.bodyDigest)
  redis.call('EXPIRE', key.idempotency, arg.keepSeconds)
end
return { 'created', arg.id }
