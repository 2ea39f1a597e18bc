-- From here on, requests to pause or cancel are rejected. A run that restarts after a crash while publishing reuses its
-- model id, so it publishes only one model.
if not owns() then return { 'fence' } end
if redis.call('HGET', key.run, 'state') ~= 'running' then return { 'stop' } end
redis.call('HSETNX', key.run, '_model', arg.freshModelId)
redis.call('HSET', key.run, '_publishing', 1)
return { 'publish', redis.call('HGET', key.run, '_model') }
