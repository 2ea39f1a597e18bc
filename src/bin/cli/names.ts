import { relative } from 'node:path';

/** How this program was called, for command lines that users copy. */
export function ownName(env = process.env, script = process.argv[1] ?? ''): string {
  if (env.npm_lifecycle_event === 'cli') return 'npm run cli --';
  if (env.npm_command === 'exec') return 'npx stylograph';
  if (!/\.(ts|m?js)$/.test(script)) return 'stylograph';
  return `node ${relative(process.cwd(), script) || script}`;
}
