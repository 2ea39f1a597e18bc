import type { Command } from 'commander';
import type { Evaluation, Model } from '../../../client/index.ts';
import { evaluateInChild } from '../../../training/evaluation/client.ts';
import { CHILD_MODULES } from '../../child-modules.ts';
import { int, withCommon } from '../options.ts';
import type { Output } from '../output.ts';
import { Ended, EXIT, UsageProblem } from '../problems.ts';
import type { CommonOptions, Execute, Session } from '../session.ts';
import { moment, percent, whole } from '../terminal/format.ts';
import { facts, table } from '../terminal/table.ts';
import { addArchives, addPromotion } from './model-moves.ts';

export function addModels(program: Command, execute: Execute): void {
  const models = program
    .command('models')
    .description('List models, point aliases at them, promote, export and import them.');
  withCommon(models.command('list', { isDefault: true }))
    .description('List models, newest first.')
    .option('--limit <n>', 'number of models, 1 to 200', int(1, 200), 20)
    .action((options: CommonOptions & { limit: number }) =>
      execute(options, (session) => list(session, options.limit)),
    );
  withCommon(models.command('show <model>'))
    .description('Show a model, by id or alias.')
    .action((reference: string, options: CommonOptions) =>
      execute(options, async ({ output, backend, signal }) => {
        const { client } = await backend();
        const model = await client.models.get(reference, { signal });
        output.document(model);
        for (const line of describe(model, output)) output.line(line);
      }),
    );
  withCommon(models.command('alias <alias> <model>'))
    .description('Point an alias at a model.')
    .action((alias: string, reference: string, options: CommonOptions) =>
      execute(options, async ({ output, backend, signal }) => {
        const { client } = await backend();
        const { id } = await client.models.get(reference, { signal });
        output.document(await client.models.setAlias(alias, id, { signal }));
        output.line(`${output.paint.bold(alias)} is ${id}`);
      }),
    );
  withCommon(models.command('unalias <alias>'))
    .description('Remove an alias; its model stays.')
    .action((alias: string, options: CommonOptions) =>
      execute(options, async ({ output, backend, signal }) => {
        const { client } = await backend();
        await client.models.deleteAlias(alias, { signal });
        output.document({ alias, deleted: true });
        output.line(`${output.paint.green('removed')} ${alias}`);
      }),
    );
  addPromotion(models, execute);
  addArchives(models, execute);
  withCommon(models.command('delete <model>'))
    .description('Remove a model that no alias points at, by its id.')
    .action((id: string, options: CommonOptions) =>
      execute(options, async ({ output, backend, signal }) => {
        const { client } = await backend();
        await client.models.delete(id, { signal });
        output.document({ id, deleted: true });
        output.line(`${output.paint.green('deleted')} ${id}`);
      }),
    );
  addEvaluate(program, execute);
}

async function list({ output, backend, signal }: Session, limit: number): Promise<void> {
  const { client } = await backend();
  const page = await client.models.list({ limit, signal });
  output.document(page);
  if (page.items.length === 0) return output.line('There are no models yet; "stylograph train" trains one.');
  const score = (model: Model, value: (evaluation: Evaluation) => string): string =>
    model.evaluation ? value(model.evaluation) : '–';
  const lines = table<Model>(
    page.items,
    [
      { title: 'model', value: ({ id }) => id },
      { title: 'preset', value: ({ preset }) => preset },
      { title: 'dataset', value: ({ dataset }) => dataset },
      { title: 'iterations', value: ({ iteration }) => whole(iteration), align: 'right' },
      {
        title: 'accuracy',
        value: (each) => score(each, ({ conditionalAccuracy }) => percent(conditionalAccuracy)),
        align: 'right',
      },
      {
        title: 'Fréchet',
        value: (each) => score(each, ({ frechetDistance }) => frechetDistance.toFixed(4)),
        align: 'right',
      },
      { title: 'aliases', value: ({ aliases }) => output.paint.cyan(aliases.join(' ')) },
    ],
    output.paint.dim,
  );
  for (const line of lines) output.line(line);
}

const describe = (model: Model, { paint }: Output): string[] =>
  facts(
    {
      model: model.id,
      aliases: model.aliases.join(', '),
      run: model.runId,
      preset: model.preset,
      dataset: model.dataset,
      labels: model.labels.join(' '),
      images: `${model.image.width} × ${model.image.height}, ${model.image.channels === 1 ? 'grey' : 'colour'}`,
      latent: String(model.latentDim),
      iterations: whole(model.iteration),
      digest: model.digest,
      made: moment(model.createdAt),
      evaluation: model.evaluation ? '"stylograph evaluate" shows it' : undefined,
    },
    paint.dim,
  );

interface EvaluateOptions extends CommonOptions {
  again?: boolean;
  samples: number;
  export?: string;
}

function addEvaluate(program: Command, execute: Execute): void {
  withCommon(program.command('evaluate [model]'))
    .summary('print the evaluation of a model')
    .description(
      'Prints the evaluation that was stored with a model at the end of its run; the default is the latest model. With ' +
        '--again, this machine evaluates the model now; --data must name its folder.',
    )
    .option('--again', 'evaluate now; the stored evaluation stays')
    .option('--samples <n>', 'number of samples with --again, 2,000 to 10,000', int(2_000, 10_000), 2_000)
    .option('--export <dir>', 'with --again: write the evaluated images as IDX files')
    .action((reference = 'latest', options: EvaluateOptions) =>
      execute(options, async (session) => {
        const { output, backend, signal } = session;
        const { client } = await backend();
        const model = await client.models.get(reference as string, { signal });
        const evaluation = options.again ? await again(session, model, options) : model.evaluation;
        if (evaluation === undefined) {
          output.warn(`${model.id} has no stored evaluation; --again with --data evaluates it now.`);
          throw new Ended(EXIT.failure);
        }
        output.document(evaluation);
        for (const line of scores(model, evaluation, output)) output.line(line);
      }),
    );
}

async function again(
  { output, backend, signal }: Session,
  { id }: Model,
  { samples, export: exportTo }: EvaluateOptions,
): Promise<Evaluation> {
  const { local } = await backend();
  if (local === undefined) {
    throw new UsageProblem('--again: name the folder of the model with --data');
  }
  let printed = 0;
  const task = { folder: local.folder, modelId: id, samples, exportTo };
  const onProgress = (share: number): void => {
    const quarter = Math.floor(share * 4);
    if (quarter > printed) output.notice(`Evaluating: ${quarter * 25} %`);
    printed = Math.max(printed, quarter);
  };
  return (await evaluateInChild(CHILD_MODULES.evaluation, task, { signal, onProgress })) as Evaluation;
}

function scores(model: Model, evaluation: Evaluation, { paint }: Output): string[] {
  const { reconstruction, styleTransfer, latent, memorisation } = evaluation;
  const correlation = (value: number | null): string => (value === null ? '–' : value.toFixed(2));
  return [
    `${paint.bold(model.id)}  ${paint.dim(`${whole(evaluation.samples)} samples against the ${evaluation.split} images`)}`,
    ...facts(
      {
        'conditional accuracy': percent(evaluation.conditionalAccuracy, 2),
        'Fréchet distance': evaluation.frechetDistance.toFixed(4),
        KID: evaluation.kid.toFixed(5),
        'precision, recall': `${evaluation.precision.toFixed(3)}, ${evaluation.recall.toFixed(3)}`,
        'density, coverage': `${evaluation.density.toFixed(3)}, ${evaluation.coverage.toFixed(3)}`,
        'diversity ratio': evaluation.diversityRatio.toFixed(3),
        'sharpness ratio': evaluation.sharpnessRatio.toFixed(3),
        reconstruction: `MSE ${reconstruction.mse.toFixed(4)}, SSIM ${reconstruction.ssim.toFixed(3)}, label kept ${percent(reconstruction.labelKept)}`,
        'style transfer': `accuracy ${percent(styleTransfer.accuracy)}, slant ${correlation(styleTransfer.slantCorrelation)}, ink ${correlation(styleTransfer.inkCorrelation)}`,
        latent: `${latent.activeUnits} of ${model.latentDim} units active, label probe ${percent(latent.probeAccuracy)}`,
        memorisation: `${memorisation.ratio.toFixed(3)}${memorisation.flagged ? paint.yellow(' (flagged)') : ''}`,
        classifier: `${percent(evaluation.classifier.testAccuracy, 2)} right on real test images`,
      },
      paint.dim,
    ),
    ...(evaluation.notes ?? []).map((note) => `${paint.yellow('note')} ${note}`),
  ];
}
