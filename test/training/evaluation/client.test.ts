import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { CHILD_MODULES } from '../../../src/bin/child-modules.ts';
import { newModelId } from '../../../src/core/contracts/common.ts';
import { evaluateInChild } from '../../../src/training/evaluation/client.ts';
import { temporaryFolder } from '../../store/small-models.ts';

const untilAborted = { signal: new AbortController().signal, onProgress: () => undefined };

test('an error of the evaluation process reaches the caller with its code and message', async (t) => {
  const task = { folder: await temporaryFolder(t), modelId: newModelId(), samples: 2_000 };
  await assert.rejects(evaluateInChild(CHILD_MODULES.evaluation, task, untilAborted), {
    code: 'model_not_found',
    message: new RegExp(task.modelId),
  });
});

/** A module that answers a task with `answer(message)`. */
async function childModule(folder: string, answer: string): Promise<string> {
  const file = join(folder, 'child.mjs');
  await writeFile(
    file,
    `process.on('disconnect', () => process.exit(1));\nprocess.on('message', ${answer});\n`,
  );
  return file;
}

test('progress and the evaluation reach the caller, and the task reaches the process', async (t) => {
  const folder = await temporaryFolder(t);
  const module = await childModule(
    folder,
    `({ task }) => {
      process.send({ type: 'progress', share: 0.5 });
      process.send({ type: 'evaluated', evaluation: task }, () => process.exit(0));
    }`,
  );
  const shares: number[] = [];
  const task = { folder, modelId: newModelId(), samples: 3_000 };
  const watch = { ...untilAborted, onProgress: (share: number) => void shares.push(share) };
  assert.deepEqual(await evaluateInChild(module, task, watch), task);
  assert.deepEqual(shares, [0.5]);
});

test('aborting stops the process and rejects with the reason of the signal', async (t) => {
  const folder = await temporaryFolder(t);
  const module = await childModule(
    folder,
    `({ type }) => {
      if (type === 'start') process.send({ type: 'progress', share: 0.1 });
      else process.exit(0);
    }`,
  );
  const stop = new AbortController();
  const task = { folder, modelId: newModelId(), samples: 2_000 };
  const watch = { signal: stop.signal, onProgress: () => stop.abort(new Error('interrupted')) };
  await assert.rejects(evaluateInChild(module, task, watch), /interrupted/);
});

test('an evaluation process that ends without an answer is reported as child_died', async (t) => {
  const folder = await temporaryFolder(t);
  const module = await childModule(folder, '() => process.exit(3)');
  const task = { folder, modelId: newModelId(), samples: 2_000 };
  await assert.rejects(evaluateInChild(module, task, untilAborted), {
    code: 'child_died',
    message: /code 3/,
  });
});
