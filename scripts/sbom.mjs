import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './setup/paths.mjs';
import { execute } from './setup/processes.mjs';

/**
 * npm run sbom [-- FILE]: writes the components of the service as a CycloneDX document (default sbom.cdx.json): npm's list
 * of the packages in production, and the native libraries that set-up takes from wheels, with their pinned digests.
 */
const WHEELS = ['engine-cpu.txt', 'engine-cuda.txt', 'redis.txt'];
const target = process.argv[2] ?? 'sbom.cdx.json';

/** The pinned wheels of a pip requirements file, each with its first digest. */
function wheelsOf(file) {
  const text = readFileSync(join(ROOT, 'scripts/setup', file), 'utf8').replace(/\\\n\s*/g, ' ');
  return [...text.matchAll(/^([\w.-]+)==([\w.]+).*?--hash=sha256:([0-9a-f]{64})/gm)].map(
    ([, name, version, content]) => {
      const purl = `pkg:pypi/${name.toLowerCase().replaceAll('_', '-')}@${version}`;
      const hashes = [{ alg: 'SHA-256', content }];
      return { type: 'library', name, version, purl, 'bom-ref': purl, hashes };
    },
  );
}

// From the lock file only: node_modules can lack packages of other platforms, or contain extra ones.
const args = [
  'sbom',
  '--sbom-format',
  'cyclonedx',
  '--omit',
  'dev',
  '--package-lock-only',
  '--loglevel=error',
];
const { code, output } = await execute('npm', args, { cwd: ROOT });
if (code !== 0) {
  console.error(`npm could not list the packages:\n${output.trim()}`);
  process.exit(1);
}
const document = JSON.parse(output.slice(output.indexOf('{')));
const wheels = new Map(WHEELS.flatMap(wheelsOf).map((wheel) => [wheel.purl, wheel]));
document.components.push(...wheels.values());
writeFileSync(target, `${JSON.stringify(document, null, 2)}\n`);
console.log(`${target}: ${document.components.length} components, ${wheels.size} of them wheels`);
