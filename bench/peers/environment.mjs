import { fileURLToPath } from 'node:url';
import { checkPlatform } from '../../scripts/setup/platform.mjs';
import { ensureVenv } from '../../scripts/setup/venv.mjs';

/**
 * The virtual environment of the peers. Nothing but the benchmarks uses it.
 *
 * @returns {Promise<string>} path of its python
 * @throws SetupProblem when it cannot be made, with the remedy
 */
export async function ensurePeerEnvironment() {
  checkPlatform();
  return await ensureVenv({
    name: 'peers',
    requirements: fileURLToPath(new URL('./requirements.txt', import.meta.url)),
    what: "the benchmarks' peers: TensorFlow, Keras, PyTorch, FastAPI, LitServe (about 4 GB)",
    gigabytes: 14,
    // What numpy and others ask for.
    oldest: [3, 11],
  });
}
