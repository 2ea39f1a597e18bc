import { type ChildProcess, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';

/** TensorFlow prints these lines at every start, before its log level takes effect. */
const TENSORFLOW_GREETING = /absl::InitializeLog\(\)|oneDNN custom operations are on/;

export interface ChildOptions {
  /** Variables beside those of this process, which win. */
  env?: Record<string, string>;
  /** Runs it below normal priority, so that requests come first. */
  lowPriority?: boolean;
  stdout?: 'ignore' | 'inherit';
  /** `forward` copies its lines to this process's standard error, without TensorFlow's greeting. */
  stderr?: 'forward' | 'inherit';
  /** Called with each forwarded line. */
  onErrorLine?(line: string): void;
}

/**
 * Starts a Node.js process that runs a module and exchanges structured clones with this one.
 *
 * @param module path of the module; a TypeScript file gets the loader that it needs
 */
export function startChild(module: string, options: ChildOptions = {}): ChildProcess {
  const { env = {}, lowPriority = false, stdout = 'ignore', stderr = 'forward', onErrorLine } = options;
  const child = fork(module, {
    execArgv: execArguments(module),
    env: { ...env, ...process.env },
    serialization: 'advanced',
    stdio: ['ignore', stdout, stderr === 'forward' ? 'pipe' : 'inherit', 'ipc'],
  });
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (TENSORFLOW_GREETING.test(line)) return;
      process.stderr.write(`${line}\n`);
      onErrorLine?.(line);
    });
  }
  if (lowPriority) {
    child.once('spawn', () => setPriority(child.pid!, constants.priority.PRIORITY_BELOW_NORMAL));
  }
  return child;
}

/** Node's arguments of this process, except those of a test runner or debugger, and the TypeScript loader if needed. */
function execArguments(module: string): string[] {
  const inherited = process.execArgv.filter((argument) => !/^--(test|inspect|watch)/.test(argument));
  const needsLoader = module.endsWith('.ts') && !inherited.includes('--import');
  return needsLoader ? [...inherited, '--import', import.meta.resolve('tsx')] : inherited;
}
