import { GradientTape, type Scalar, type Tensor, type Tensor2D, type Tensor4D, tf } from '../engine/index.ts';
import { decode, decodeLogits } from './decoder.ts';
import { discriminate, type Judgement } from './discriminator.ts';
import { encode, sampleLatent } from './encoder.ts';
import type { Pass } from './layers.ts';
import {
  ADVERSARIAL_LOSS,
  type Entropies,
  GATE_ENTROPIES,
  ganLoss,
  klDivergence,
  LIKELIHOOD_LOSS,
  layersLikelihoodLoss,
  PRIOR_LOSS,
  pixelLoss,
} from './losses.ts';
import type { Networks } from './networks.ts';
import { spectrallyNormalized } from './spectral.ts';
import { observed, pixelsOf, type StepInput, type StepSettings, trainingPass } from './training-pass.ts';

/*
 * The gradients of encoder and decoder, in the symbols of the article: x image, y label, z latent, x̃ = Dec(z, y), z_p prior
 * sample, x_p = Dec(z_p, y), d = Dis(x, y), d_l the activations of its l-th layer; θ encoder weights, φ decoder weights.
 * Call these functions within `tf.tidy`.
 */

/** The discriminator during a joint step, which does not move it. */
interface Judge {
  /** Dis(x, y) of observed images. */
  judge(image: Tensor4D): Judgement;
  /** d_l of images: from the pass that judged them, or from another without noise and dropout. */
  similarity(image: Tensor4D, judged: Judgement): Tensor4D[];
}

function judgeOf(networks: Networks, y: Tensor2D, settings: StepSettings, pass: Pass): Judge {
  const { architecture, trained, statistics } = networks;
  const { similarityLayer, similarityDropout } = settings.config;
  const dis = spectrallyNormalized(architecture, trained.discriminator, statistics);
  const plain = { ...pass, dropout: 0 };
  return {
    judge: (image) => discriminate(dis, architecture, observed(image, settings), y, similarityLayer, pass),
    similarity: (image, judged) =>
      similarityDropout
        ? judged.similarity()
        : discriminate(dis, architecture, image, y, similarityLayer, plain).similarity(),
  };
}

type JointLoss = 'prior' | 'likelihood' | 'pixel' | 'gan' | 'encoder' | 'decoder';

/** What a joint step's gradients are taken of. */
interface JointTerms {
  /** x̃ before its sigmoid: L_llike reaches both networks through it. */
  recLogits: Tensor4D;
  lPrior: Scalar;
  /** L_llike, plus the weighted pixel loss. */
  lRec: Scalar;
  /** −L_GAN, or the non-saturating loss, by its weight. */
  lAdversarial: Scalar;
  losses: Record<JointLoss, Tensor> & Entropies;
}

/** The forward pass through all three networks. `real` and `dlX`: Dis(x, y) and d_l(x). */
function jointForward(
  networks: Networks,
  { x, y, zPrior }: StepInput,
  { config, priorFactor, random }: StepSettings,
  { pass, dis, real, dlX }: { pass: Pass; dis: Judge; real: Judgement; dlX: Tensor4D[] },
): JointTerms {
  const { architecture } = networks;
  const { encoder: theta, decoder: phi } = networks.trained;
  const pixels = pixelsOf(networks);

  const { mu, logVar } = encode(theta, architecture, x, y, pass);
  const z = sampleLatent(mu, logVar, random.normal(mu.shape) as Tensor2D);
  const recLogits = decodeLogits(phi, architecture, z, y, pass);
  const xRec = tf.sigmoid(recLogits) as Tensor4D;
  const xPrior = decode(phi, architecture, zPrior, y, pass);
  const rec = dis.judge(xRec);
  const prior = dis.judge(xPrior);
  const d = tf.sigmoid(real.logit);
  const fakes = [{ d: tf.sigmoid(prior.logit), weight: config.priorFakeWeight }];
  if (config.reconstructionFakeWeight > 0) {
    fakes.push({ d: tf.sigmoid(rec.logit), weight: config.reconstructionFakeWeight });
  }

  const lPrior = PRIOR_LOSS[config.priorLoss](mu, logVar, pixels).mul(
    config.priorWeight * priorFactor,
  ) as Scalar;
  const similarityLoss = LIKELIHOOD_LOSS[config.similarity];
  const lLlike = layersLikelihoodLoss(dlX, dis.similarity(xRec, rec), pixels, similarityLoss);
  const lPixel = pixelLoss(x, recLogits, pixels);
  const lGan = ganLoss(d, fakes, pixels);
  const entropies = GATE_ENTROPIES[config.gate](d, fakes);
  const lAdversarial = ADVERSARIAL_LOSS[config.ganLoss](lGan, fakes, pixels).mul(config.ganWeight) as Scalar;
  const { pixelWeight } = config;
  const lRec = pixelWeight === 0 ? lLlike : (lLlike.add(lPixel.mul(pixelWeight)) as Scalar);
  const losses = {
    ...{ prior: lPrior, likelihood: lLlike, pixel: lPixel, gan: lGan, ...entropies },
    encoder: lRec.add(lPrior),
    decoder: lRec.mul(config.gamma).add(lAdversarial),
  };
  return { recLogits, lPrior, lRec, lAdversarial, losses };
}

/** ∂(L_llike + L_prior)/∂θ and ∂(γ·L_llike − L_GAN)/∂φ from one forward pass through all three networks. */
export function jointGradients(
  networks: Networks,
  input: StepInput,
  settings: StepSettings,
): { losses: JointTerms['losses']; gradients: Record<'encoder' | 'decoder', Tensor[]> } {
  const { gamma, reconstructionFakeWeight } = settings.config;
  const [theta, phi] = [networks.trained.encoder, networks.trained.decoder].map((w) => [...w.values()]) as [
    Tensor[],
    Tensor[],
  ];
  const pass = trainingPass(networks, settings);
  const dis = judgeOf(networks, input.y, settings, pass);
  const real = dis.judge(input.x);
  const dlX = dis.similarity(input.x, real);
  const { value: terms, tape } = GradientTape.record(() =>
    jointForward(networks, input, settings, { pass, dis, real, dlX }),
  );
  const { recLogits, lPrior, lRec, lAdversarial, losses } = terms;

  // Both gradients share the path of L_llike back to x̃; from there each continues to its own network.
  const one = tf.scalar(1);
  const [dRec] = tape.gradients([lRec], [recLogits]) as [Tensor];
  let gradients: { encoder: Tensor[]; decoder: Tensor[] };
  if (reconstructionFakeWeight > 0) {
    gradients = {
      encoder: tape.gradients([recLogits, lPrior], theta, [dRec, one]),
      decoder: tape.gradients([recLogits, lAdversarial], phi, [dRec.mul(gamma), one]),
    };
  } else {
    // L_GAN does not depend on x̃, so the pass that carries L_llike to θ yields its share for φ as well.
    const shared = tape.gradients([recLogits, lPrior], [...theta, ...phi], [dRec, one]);
    gradients = {
      encoder: shared.slice(0, theta.length),
      decoder: tape
        .gradients([lAdversarial], phi)
        .map((gradient, i) => gradient.add(shared[theta.length + i]!.mul(gamma))),
    };
  }
  tape.dispose();
  return { losses, gradients };
}

/**
 * The plain conditional VAE: ∂L/∂θ and ∂L/∂φ of L = (Σ H(x, x̃) + KL) / B, the pixels' cross-entropy and the KL term summed
 * over pixels and averaged over the batch.
 */
export function cvaeGradients(
  networks: Networks,
  { x, y }: Pick<StepInput, 'x' | 'y'>,
  settings: StepSettings,
): {
  losses: Record<'prior' | 'pixel' | 'encoder' | 'decoder', Tensor>;
  gradients: Record<'encoder' | 'decoder', Tensor[]>;
} {
  const { config, priorFactor, random } = settings;
  const { architecture } = networks;
  const { encoder: theta, decoder: phi } = networks.trained;
  const batch = x.shape[0];
  const pass = trainingPass(networks, settings);
  const { value: losses, tape } = GradientTape.record(() => {
    const { mu, logVar } = encode(theta, architecture, x, y, pass);
    const z = sampleLatent(mu, logVar, random.normal(mu.shape) as Tensor2D);
    const recLogits = decodeLogits(phi, architecture, z, y, pass);
    const prior = klDivergence(mu, logVar)
      .mul(config.priorWeight * priorFactor)
      .div(batch);
    const pixel = pixelLoss(x, recLogits, batch);
    const total = pixel.add(prior);
    return { prior, pixel, encoder: total, decoder: total };
  });
  const gradients = tape.gradients([losses.encoder], [...theta.values(), ...phi.values()]);
  tape.dispose();
  return {
    losses,
    gradients: { encoder: gradients.slice(0, theta.size), decoder: gradients.slice(theta.size) },
  };
}
