import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Copies the Redis scripts beside the compiled code that loads them. */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join('runs', 'redis', 'scripts');
cpSync(join(ROOT, 'src', FOLDER), join(ROOT, 'dist', FOLDER), { recursive: true });
