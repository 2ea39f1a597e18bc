import { isMainThread } from 'node:worker_threads';

/* Loaded before each file of tests, with ?minutes= in its address. Node's own --test-timeout bounds files, and does not tell which test hangs. */

/** They start whole services, and each test states a limit of its own. */
const OWN_LIMITS = /[\\/]test[\\/]bin[\\/]/;

const file = process.argv[1] ?? '';
// Processes that tests start may be given the same arguments.
if (isMainThread && /\.test\.\w+$/.test(file) && !OWN_LIMITS.test(file)) {
  const { afterEach, beforeEach } = await import('node:test');
  const minutes = Number(new URL(import.meta.url).searchParams.get('minutes'));
  let last = 'the file began';
  const timer = setTimeout(() => {
    console.error(`${file} hangs: nothing has happened for ${minutes} minutes since ${last}.`);
    process.exit(1);
  }, minutes * 60_000).unref();
  const note =
    (what) =>
    ({ name }) => {
      last = `"${name}" ${what}`;
      timer.refresh();
    };
  beforeEach(note('began'));
  afterEach(note('ended'));
}
