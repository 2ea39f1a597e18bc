-- Writes fields of the record for the run's owner.
if redis.call('EXISTS', key.run) == 0 then return { 'missing' } end
if not owns() then return { 'fence' } end
patch()
return { 'patched' }
