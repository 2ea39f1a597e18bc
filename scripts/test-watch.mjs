import { isMainThread } from 'node:worker_threads';

/*
 * Loaded before each test file, with ?minutes= in its address: stops a file that makes no progress for that long, and
 * names the test. Node's own --test-timeout bounds whole files and does not name the test.
 */

/** These tests start whole services, and each sets its own timeout. */
const OWN_LIMITS = /[\\/]test[\\/]bin[\\/]/;

const file = process.argv[1] ?? '';
// Processes that tests start can inherit the same arguments.
if (isMainThread && /\.test\.\w+$/.test(file) && !OWN_LIMITS.test(file)) {
  const { afterEach, beforeEach } = await import('node:test');
  const minutes = Number(new URL(import.meta.url).searchParams.get('minutes'));
  let last = 'the file started';
  const timer = setTimeout(() => {
    console.error(`${file} hangs: no progress for ${minutes} minutes since ${last}.`);
    process.exit(1);
  }, minutes * 60_000).unref();
  const note =
    (what) =>
    ({ name }) => {
      last = `"${name}" ${what}`;
      timer.refresh();
    };
  beforeEach(note('started'));
  afterEach(note('ended'));
}
