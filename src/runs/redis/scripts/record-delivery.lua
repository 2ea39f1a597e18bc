-- Records an attempt to deliver a webhook, once. A run that was removed meanwhile stays removed.
if redis.call('EXISTS', key.run) == 0 then return { 'missing' } end
if not redis.call('LPOS', key.deliveries, arg.delivery) then
  redis.call('LPUSH', key.deliveries, arg.delivery)
  redis.call('LTRIM', key.deliveries, 0, arg.keep - 1)
end
return { 'recorded' }
