#pragma once
#include "activation.h"
#include "gemm.h"

/**
 * A 7×7 convolution of stride 2, 2×2 max pooling, bias, LeakyReLU and dropout, one image at a time, so that it stays in the
 * cache: patches as rows (im2col, Chellapilla et al. 2006) times the kernel. Sides of the image are multiples of 4.
 */
namespace stylograph {
namespace STYLOGRAPH_ISA {

constexpr int STRIDED_TAPS = 7, STRIDED_BEFORE = 2;

struct StridedSizes {
  int height, width, positions, taps, pooled;
  explicit StridedSizes(const StridedShape& s)
      : height(s.height / 2), width(s.width / 2), positions(height * width), taps(STRIDED_TAPS * STRIDED_TAPS * s.channels),
        pooled(positions / 4 * s.filters) {}
};

/** Patches of one image: a row of 7·7·channels for each position, zeros beyond the edge. */
inline void patchesOf(const StridedShape& s, const StridedSizes& z, const float* image, float* rows) {
  std::fill(rows, rows + static_cast<size_t>(z.positions) * z.taps, 0.f);
  for (int i = 0; i < z.height; i++) {
    for (int j = 0; j < z.width; j++) {
      float* patch = rows + static_cast<size_t>(i * z.width + j) * z.taps;
      const int left = 2 * j - STRIDED_BEFORE;
      const int first = std::max(0, -left), last = std::min(STRIDED_TAPS, s.width - left);
      for (int r = 0; r < STRIDED_TAPS; r++) {
        const int row = 2 * i + r - STRIDED_BEFORE;
        if (row < 0 || row >= s.height) continue;
        const float* from = image + (static_cast<ptrdiff_t>(row) * s.width + left + first) * s.channels;
        std::copy(from, from + (last - first) * s.channels, patch + (r * STRIDED_TAPS + first) * s.channels);
      }
    }
  }
}

/** Adds patches to the pixels that they were copied from: the adjoint of `patchesOf`. */
inline void addPatches(const StridedShape& s, const StridedSizes& z, const float* rows, ptrdiff_t ld, float* image) {
  for (int i = 0; i < z.height; i++) {
    for (int j = 0; j < z.width; j++) {
      const float* patch = rows + (i * z.width + j) * ld;
      const int left = 2 * j - STRIDED_BEFORE;
      const int first = std::max(0, -left), last = std::min(STRIDED_TAPS, s.width - left);
      for (int r = 0; r < STRIDED_TAPS; r++) {
        const int row = 2 * i + r - STRIDED_BEFORE;
        if (row < 0 || row >= s.height) continue;
        float* to = image + (static_cast<ptrdiff_t>(row) * s.width + left + first) * s.channels;
        const float* from = patch + (r * STRIDED_TAPS + first) * s.channels;
        for (int k = 0; k < (last - first) * s.channels; k++) to[k] += from[k];
      }
    }
  }
}

inline void stridedConv(const StridedShape& s, float slope, const Dropout& dropout, const float* x, const float* kernel,
                        const float* bias, float* y, uint8_t* code) {
  const StridedSizes z(s);
  const MaskBytes mask(dropout);
  const float scale = dropout.dropped > 0 ? keepScale(dropout) : 1.f;
  const int columns = roundUp(s.filters, PANEL);
  std::vector<float> panels(panelSize(z.taps, s.filters), 0.f);
  for (int k = 0; k < z.taps; k++) {
    for (int n = 0; n < s.filters; n++) panels[panelIndex(z.taps, k, n)] = kernel[k * s.filters + n];
  }
  parallelFor(s.batch, [&](int b, int) {
    static thread_local Workspace patches, products;
    static thread_local std::vector<uint8_t> room;
    float* rows = patches.floats(static_cast<size_t>(z.positions) * z.taps);
    float* product = products.floats(static_cast<size_t>(z.positions) * columns);
    patchesOf(s, z, x + static_cast<ptrdiff_t>(b) * s.height * s.width * s.channels, rows);
    gemm(z.positions, s.filters, z.taps, rows, z.taps, 1, panels.data(), product, columns, false);
    const ptrdiff_t at = static_cast<ptrdiff_t>(b) * z.pooled;
    if (dropout.dropped == 0) room.assign(static_cast<size_t>(z.pooled) + LANES, 255);
    const uint8_t* bytes =
        dropout.dropped == 0 ? room.data() : drawStretch(mask, static_cast<uint64_t>(at), z.pooled, room);
    poolImage(z.height, z.width, s.filters, slope, scale, dropout.dropped, product, columns, bias, bytes, y + at,
              code + at);
  });
}

inline void stridedConvInputGradient(const StridedShape& s, float slope, const Dropout& dropout, const float* dy,
                                     const uint8_t* code, const float* kernel, float* dx) {
  const StridedSizes z(s);
  const float scale = dropout.dropped > 0 ? keepScale(dropout) : 1.f;
  const int columns = roundUp(z.taps, PANEL);
  std::vector<float> panels(panelSize(s.filters, z.taps), 0.f);
  for (int n = 0; n < z.taps; n++) {
    for (int k = 0; k < s.filters; k++) panels[panelIndex(s.filters, k, n)] = kernel[n * s.filters + k];
  }
  const ptrdiff_t image = static_cast<ptrdiff_t>(s.height) * s.width * s.channels;
  parallelFor(s.batch, [&](int b, int) {
    static thread_local Workspace unpooled, products;
    static thread_local std::vector<float> unused;
    unused.assign(static_cast<size_t>(s.filters), 0.f);
    float* dz = unpooled.floats(static_cast<size_t>(z.positions) * s.filters);
    float* product = products.floats(static_cast<size_t>(z.positions) * columns);
    const ptrdiff_t at = static_cast<ptrdiff_t>(b) * z.pooled;
    poolImageGradient(z.height, z.width, s.filters, slope, scale, dy + at, code + at, dz, s.filters, unused.data());
    gemm(z.positions, z.taps, s.filters, dz, s.filters, 1, panels.data(), product, columns, false);
    std::fill(dx + b * image, dx + (b + 1) * image, 0.f);
    addPatches(s, z, product, columns, dx + b * image);
  });
}

inline void stridedConvFilterGradient(const StridedShape& s, float slope, const Dropout& dropout, const float* dy,
                                      const uint8_t* code, const float* x, float* dKernel, float* dBias) {
  const StridedSizes z(s);
  const float scale = dropout.dropped > 0 ? keepScale(dropout) : 1.f;
  const int columns = roundUp(s.filters, PANEL);
  const size_t partSize = static_cast<size_t>(z.taps) * columns;
  std::vector<float> kernels(PARTS * partSize, 0.f), biases(static_cast<size_t>(PARTS) * s.filters, 0.f);
  parallelFor(PARTS, [&](int part, int) {
    static thread_local Workspace patches, unpooled, packed;
    float* rows = patches.floats(static_cast<size_t>(z.positions) * z.taps);
    float* dz = unpooled.floats(static_cast<size_t>(z.positions) * s.filters);
    float* panels = packed.floats(panelSize(z.positions, s.filters));
    for (int b = s.batch * part / PARTS; b < s.batch * (part + 1) / PARTS; b++) {
      const ptrdiff_t at = static_cast<ptrdiff_t>(b) * z.pooled;
      poolImageGradient(z.height, z.width, s.filters, slope, scale, dy + at, code + at, dz, s.filters,
                        biases.data() + static_cast<size_t>(part) * s.filters);
      for (int k = 0; k < z.positions; k++) {
        for (int n = 0; n < s.filters; n += PANEL) {
          const float* from = dz + static_cast<size_t>(k) * s.filters + n;
          std::copy(from, from + std::min(PANEL, s.filters - n), panels + panelIndex(z.positions, k, n));
        }
      }
      patchesOf(s, z, x + static_cast<ptrdiff_t>(b) * s.height * s.width * s.channels, rows);
      gemm(z.taps, s.filters, z.positions, rows, 1, z.taps, panels, kernels.data() + part * partSize, columns, true);
    }
  });
  for (int tap = 0; tap < z.taps; tap++) {
    for (int n = 0; n < s.filters; n++) {
      float total = 0;
      for (int part = 0; part < PARTS; part++) total += kernels[part * partSize + static_cast<size_t>(tap) * columns + n];
      dKernel[tap * s.filters + n] = total;
    }
  }
  addParts(biases.data(), s.filters, dBias);
}

}  // namespace STYLOGRAPH_ISA
}  // namespace stylograph
