-- Lets the run's owner write fields of the record.
if redis.call('EXISTS', key.run) == 0 then return { 'missing' } end
if not owns() then return { 'fence' } end
patch()
return { 'patched' }
