import { runProgram } from './cli/program.ts';

/* The command line. It ends quietly when the reader of its output closes early, as `head` does. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
const exitCode = await runProgram(process.argv.slice(2));
// Exit even if timers are pending, once the output is written.
process.stdout.write('', () => process.exit(exitCode));
