/** A problem that the user must solve before set-up can continue. Only its message is shown. */
export class SetupProblem extends Error {
  /** @param {string} what @param {string} remedy @param {number} [exitCode] */
  constructor(what, remedy, exitCode = 1) {
    super(`${what}\n  ${remedy}`);
    this.name = 'SetupProblem';
    this.exitCode = exitCode;
  }
}

/** Runs a command's main function; a SetupProblem becomes one message and an exit code. */
export async function run(main) {
  try {
    await main();
  } catch (error) {
    if (error?.name !== 'SetupProblem') throw error;
    process.stderr.write(`\nstylograph: ${error.message}\n`);
    process.exit(error.exitCode);
  }
}

/** @param {string} message one line of progress, on standard error so that standard output stays clean */
export function say(message) {
  process.stderr.write(`stylograph: ${message}\n`);
}
