import { runProgram } from './cli/program.ts';

/** The command line. A reader that closes early, such as `head`, ends it quietly. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
const exitCode = await runProgram(process.argv.slice(2));
// Whatever still waits for a timer is of no use to anyone; what was written has been handed over.
process.stdout.write('', () => process.exit(exitCode));
