-- Records a delivery attempt once. It must not recreate keys of a run that was removed during the attempt.
if redis.call('EXISTS', key.run) == 0 then return { 'missing' } end
if not redis.call('LPOS', key.deliveries, arg.delivery) then
  redis.call('LPUSH', key.deliveries, arg.delivery)
  redis.call('LTRIM', key.deliveries, 0, arg.keep - 1)
end
return { 'recorded' }
