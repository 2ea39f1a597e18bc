-- From here on a pause or cancel is refused. A run that died while publishing gets the model id that it had, so that
-- it publishes one model only.
if not owns() then return { 'fence' } end
if redis.call('HGET', key.run, 'state') ~= 'running' then return { 'stop' } end
redis.call('HSETNX', key.run, '_model', arg.freshModelId)
redis.call('HSET', key.run, '_publishing', 1)
return { 'publish', redis.call('HGET', key.run, '_model') }
