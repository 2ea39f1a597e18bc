import type { Tensor } from './tf.ts';
import { tf } from './tf.ts';

/** An operation as tfjs's engine records it. */
interface TapeNode {
  inputs: Record<string, Tensor>;
  outputs: Tensor[];
  saved?: Tensor[];
  gradient?: (dys: (Tensor | null)[]) => Record<string, () => Tensor>;
}

/** What tfjs's engine offers beyond its declared type. */
interface RecordingEngine {
  startTape(): void;
  endTape(): void;
  state: { activeTape: TapeNode[] | null; gradientDepth: number };
}
const isRecordingEngine = (engine: object): engine is RecordingEngine =>
  'startTape' in engine && 'endTape' in engine && 'state' in engine;

function recordingEngine(): RecordingEngine {
  const engine: object = tf.engine();
  if (!isRecordingEngine(engine)) throw new Error('This version of TensorFlow.js has no gradient tape');
  return engine;
}

/**
 * Reverse-mode differentiation with several backward passes over one forward pass.
 *
 * `tf.grads` repeats the forward pass for every set of variables. Encoder and decoder share a forward pass and minimise
 * different losses, so they need one recording and one vector-Jacobian product each.
 */
export class GradientTape {
  readonly #nodes: TapeNode[];

  private constructor(nodes: TapeNode[]) {
    this.#nodes = nodes;
  }

  /** Runs `forward` and records it. Call within `tf.tidy`: the tensors that `forward` creates live until that tidy ends. */
  static record<T>(forward: () => T): { value: T; tape: GradientTape } {
    const engine = recordingEngine();
    if (engine.state.gradientDepth !== 0) throw new Error('A gradient tape is already recording');
    engine.startTape();
    try {
      const value = forward();
      return { value, tape: new GradientTape(engine.state.activeTape ?? []) };
    } finally {
      engine.endTape();
      engine.state.activeTape = null;
    }
  }

  /**
   * Vector-Jacobian products: Σᵢ ⟨cotangentᵢ, ∂yᵢ/∂x⟩ for each x of `xs`, in their order.
   * Only operations on a path from an x to a y are differentiated.
   *
   * @throws when an x does not influence any y.
   */
  gradients(ys: Tensor[], xs: Tensor[], cotangents?: Tensor[]): Tensor[] {
    const fromX = new Set(xs.map((x) => x.id));
    const path: TapeNode[] = [];
    for (const node of this.#nodes) {
      if (Object.values(node.inputs).some((input) => fromX.has(input.id))) {
        for (const output of node.outputs) fromX.add(output.id);
        path.push(node);
      }
    }
    const given = new Set<number>();
    const gradientOf = new Map<number, Tensor>();
    const accumulate = (of: Tensor, gradient: Tensor): void => {
      const sum = gradientOf.get(of.id);
      if (sum === undefined) {
        gradientOf.set(of.id, gradient);
      } else {
        gradientOf.set(of.id, tf.add(sum, gradient));
        tf.dispose([sum, gradient]);
      }
    };
    ys.forEach((y, i) => {
      accumulate(y, cotangents ? cotangents[i]!.clone() : tf.onesLike(y));
    });
    for (const x of xs) given.add(x.id);
    for (const node of path.reverse()) {
      const dys = node.outputs.map((output) => gradientOf.get(output.id) ?? null);
      if (dys.every((dy) => dy === null)) continue;
      if (!node.gradient) throw new Error('An operation on the path has no gradient');
      const wanted = Object.entries(node.inputs).filter(([, input]) => fromX.has(input.id));
      const found = tf.tidy(() => {
        const thunks = node.gradient!(dys);
        return wanted.map(([name]) => {
          const gradient = thunks[name]!();
          return dys.some((dy) => dy?.id === gradient.id) ? gradient.clone() : gradient;
        });
      });
      wanted.forEach(([, input], i) => {
        accumulate(input, found[i]!);
      });
      for (const output of node.outputs) {
        if (given.has(output.id)) continue;
        gradientOf.get(output.id)?.dispose();
        gradientOf.delete(output.id);
      }
    }
    return xs.map((x) => {
      const gradient = gradientOf.get(x.id);
      if (!gradient) throw new Error(`A tensor of shape [${x.shape}] does not influence the result`);
      return gradient;
    });
  }

  /** Frees what the operations saved for their gradients. */
  dispose(): void {
    for (const node of this.#nodes) {
      if (node.saved) tf.dispose(node.saved);
    }
  }
}
