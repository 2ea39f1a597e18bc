#pragma once
#include <algorithm>
#include <cmath>

#include "compute.h"
#include "parallel.h"
#include "vector.h"

/** One update of a vector of weights; the equations are those of model/optimizers.ts. */
namespace stylograph {
namespace STYLOGRAPH_ISA {

constexpr int64_t UPDATE_PIECE = 16384;

template <class Update>
inline void updatePieces(int64_t size, Update update) {
  parallelFor(static_cast<int>((size + UPDATE_PIECE - 1) / UPDATE_PIECE), [&](int piece, int) {
    update(piece * UPDATE_PIECE, std::min(size, (piece + 1) * UPDATE_PIECE));
  });
}

inline void rmsProp(int64_t size, const RmsProp& n, const float* theta, const float* gradient, const float* meanSquare,
                    float* newTheta, float* newMeanSquare) {
  updatePieces(size, [=](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
      const float g = gradient[i];
      const float ms = meanSquare[i] * n.decay + g * g * n.restOfDecay;
      newMeanSquare[i] = ms;
      newTheta[i] = theta[i] - g * n.rate / std::sqrt(ms + n.epsilon);
    }
  });
}

inline void adam(int64_t size, const Adam& n, const float* theta, const float* gradient, const float* firstMoment,
                 const float* secondMoment, float* newTheta, float* newFirstMoment, float* newSecondMoment) {
  updatePieces(size, [=](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
      const float g = gradient[i];
      const float m = firstMoment[i] * n.beta1 + g * n.restOfBeta1;
      const float v = secondMoment[i] * n.beta2 + g * g * n.restOfBeta2;
      newFirstMoment[i] = m;
      newSecondMoment[i] = v;
      newTheta[i] = theta[i] - m / n.correction1 * n.rate / (std::sqrt(v / n.correction2) + n.epsilon);
    }
  });
}

/** average ← decay·average + (1 − decay)·weights. */
inline void averageWeights(int64_t size, const Averaging& n, const float* average, const float* theta,
                           float* newAverage) {
  updatePieces(size, [=](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) newAverage[i] = average[i] * n.decay + theta[i] * n.restOfDecay;
  });
}

}  // namespace STYLOGRAPH_ISA
}  // namespace stylograph
