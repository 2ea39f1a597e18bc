/**
 * Preloaded into the server under test, this reports the delay of its event loop over IPC. Child processes inherit the
 * preload, but it does nothing there.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

if (/bin[/\\]server\.js$/.test(process.argv[1] ?? '')) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  process.on('message', (message) => {
    if (message === 'reset') delay.reset();
    else if (message === 'read')
      process.send({ p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6 });
  });
}
