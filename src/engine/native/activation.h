#pragma once
#include <algorithm>

#include "parallel.h"
#include "philox.h"

/**
 * Bias, LeakyReLU and inverted dropout in one sweep, optionally after max pooling. One byte per element, the code, stores
 * what the gradient needs.
 */
namespace stylograph {
namespace STYLOGRAPH_ISA {

/** Codes of `activate`. */
constexpr uint8_t DROPPED = 0, POSITIVE = 1, NEGATIVE = 2;
/** Codes of `maxPool`: the position of the maximum of 2×2 in row-major order, plus 4 if it is not positive. */
constexpr uint8_t POOL_NEGATIVE = 4, POOL_DROPPED = 255;

/** Sums over rows have this many parts for any number of threads, so that they always round the same way. */
constexpr int PARTS = 16;

inline void addParts(const float* parts, int64_t size, float* total) {
  for (int64_t i = 0; i < size; i++) total[i] = 0;
  for (int part = 0; part < PARTS; part++) {
    for (int64_t i = 0; i < size; i++) total[i] += parts[part * size + i];
  }
}

/** Buffer for the remainder of a row that is not a multiple of a vector, so that the same code computes it. */
struct Remainder {
  float in[LANES] = {}, bias[LANES] = {}, out[LANES];
  uint8_t bytes[LANES] = {}, code[LANES];
};

/** LANES elements. `limit` is the number of byte values that drop. */
inline void activateLanes(const float* x, const float* bias, const uint8_t* bytes, float slope, float scale, int limit,
                          float* y, uint8_t* code) {
  const Vector v = load(x) + load(bias);
  const Integers kept = loadBytes(bytes) >= limit, positive = v > 0.f;
  const Vector leaky = positive ? v : v * slope;
  store(y, kept ? leaky * scale : Vector{});
  storeBytes(code, kept & (positive ? Integers{} + POSITIVE : Integers{} + NEGATIVE));
}

/** y = dropout(LeakyReLU(x + bias)) for rows of channels. */
inline void activate(int64_t rows, int channels, float slope, const Dropout& dropout, const float* x, const float* bias,
                     float* y, uint8_t* code) {
  const int64_t size = rows * channels;
  const MaskBytes mask(dropout);
  const int limit = dropout.dropped;
  const float scale = limit > 0 ? keepScale(dropout) : 1.f;
  // The bias for any MASK_BYTES consecutive elements, whatever their first channel.
  std::vector<float> repeated(static_cast<size_t>(channels) + MASK_BYTES);
  for (size_t i = 0; i < repeated.size(); i++) repeated[i] = bias[i % static_cast<size_t>(channels)];
  constexpr int64_t STRETCH = 64 * MASK_BYTES;
  parallelFor(static_cast<int>((size + STRETCH - 1) / STRETCH), [&](int piece, int) {
    uint8_t bytes[MASK_BYTES] = {};
    const int64_t end = std::min(size, (piece + 1) * STRETCH);
    for (int64_t from = piece * STRETCH; from < end; from += MASK_BYTES) {
      const int count = static_cast<int>(std::min<int64_t>(MASK_BYTES, end - from));
      const float* b = repeated.data() + from % channels;
      if (limit > 0) mask.draw(static_cast<uint64_t>(from / MASK_BYTES), bytes);
      int i = 0;
      for (; i + LANES <= count; i += LANES) {
        activateLanes(x + from + i, b + i, bytes + i, slope, scale, limit, y + from + i, code + from + i);
      }
      if (i < count) {
        Remainder r;
        std::copy(x + from + i, x + from + count, r.in);
        activateLanes(r.in, b + i, bytes + i, slope, scale, limit, r.out, r.code);
        std::copy(r.out, r.out + (count - i), y + from + i);
        std::copy(r.code, r.code + (count - i), code + from + i);
      }
    }
  });
}

/** dx and, summed over rows, dBias. */
inline void activateGradient(int64_t rows, int channels, float slope, const Dropout& dropout, const float* dy,
                             const uint8_t* code, float* dx, float* dBias) {
  const float scale = dropout.dropped > 0 ? keepScale(dropout) : 1.f;
  const float positive = scale, negative = slope * scale;
  std::vector<float> parts(static_cast<size_t>(PARTS) * channels, 0.f);
  parallelFor(PARTS, [&](int part, int) {
    float* sums = parts.data() + static_cast<size_t>(part) * channels;
    for (int64_t row = rows * part / PARTS; row < rows * (part + 1) / PARTS; row++) {
      const float* in = dy + row * channels;
      const uint8_t* remembered = code + row * channels;
      float* out = dx + row * channels;
      int c = 0;
      for (; c + LANES <= channels; c += LANES) {
        const Integers codes = loadBytes(remembered + c);
        const Vector d = load(in + c) * (codes == POSITIVE ? Vector{} + positive : codes == NEGATIVE ? Vector{} + negative : Vector{});
        store(out + c, d);
        store(sums + c, load(sums + c) + d);
      }
      for (; c < channels; c++) {
        const float d = in[c] * (remembered[c] == POSITIVE ? positive : remembered[c] == NEGATIVE ? negative : 0.f);
        out[c] = d;
        sums[c] += d;
      }
    }
  });
  addParts(parts.data(), channels, dBias);
}

/** LANES channels of a pooled pixel: `window` are its four inputs in row-major order. */
inline void poolLanes(const float* const window[4], const float* bias, const uint8_t* bytes, float slope, float scale,
                      int limit, float* y, uint8_t* code) {
  Vector best = load(window[0]);
  Integers place = {};
  for (int i = 1; i < 4; i++) {
    const Vector v = load(window[i]);
    const Integers larger = v > best;
    best = larger ? v : best;
    place = larger ? Integers{} + i : place;
  }
  const Vector v = best + load(bias);
  const Integers kept = loadBytes(bytes) >= limit, positive = v > 0.f;
  store(y, kept ? (positive ? v : v * slope) * scale : Vector{});
  storeBytes(code, kept ? (positive ? place : place + POOL_NEGATIVE) : Integers{} + POOL_DROPPED);
}

/** One pooled pixel; the caller replaces neighbours beyond the edge by the first pixel. */
inline void poolPixel(int channels, float slope, float scale, int limit, const float* const window[4],
                      const float* bias, const uint8_t* bytes, float* y, uint8_t* code) {
  int c = 0;
  for (; c + LANES <= channels; c += LANES) {
    const float* const at[4] = {window[0] + c, window[1] + c, window[2] + c, window[3] + c};
    poolLanes(at, bias + c, bytes + c, slope, scale, limit, y + c, code + c);
  }
  if (c == channels) return;
  const int some = channels - c;
  Remainder r;
  float near[4][LANES] = {};
  for (int i = 0; i < 4; i++) std::copy(window[i] + c, window[i] + channels, near[i]);
  std::copy(bias + c, bias + channels, r.bias);
  std::copy(bytes + c, bytes + channels, r.bytes);
  const float* const at[4] = {near[0], near[1], near[2], near[3]};
  poolLanes(at, r.bias, r.bytes, slope, scale, limit, r.out, r.code);
  std::copy(r.out, r.out + some, y + c);
  std::copy(r.code, r.code + some, code + c);
}

/** Pooled pixels of one image, `x` to `y`; its mask bytes begin at `bytes`. */
inline void poolImage(int height, int width, int channels, float slope, float scale, int dropped, const float* x,
                      ptrdiff_t ldx, const float* bias, const uint8_t* bytes, float* y, uint8_t* code) {
  const int down = divideUp(height, 2), across = divideUp(width, 2);
  for (int i = 0; i < down; i++) {
    for (int j = 0; j < across; j++) {
      const float* first = x + (static_cast<ptrdiff_t>(2 * i) * width + 2 * j) * ldx;
      const bool below = 2 * i + 1 < height, right = 2 * j + 1 < width;
      const float* window[4] = {first, right ? first + ldx : first, below ? first + width * ldx : first,
                                below && right ? first + (width + 1) * ldx : first};
      const ptrdiff_t at = (static_cast<ptrdiff_t>(i) * across + j) * channels;
      poolPixel(channels, slope, scale, dropped, window, bias, bytes + at, y + at, code + at);
    }
  }
}

/** y = dropout(LeakyReLU(max over 2×2, stride 2, `same`, of x, + bias)). */
inline void maxPool(int batch, int height, int width, int channels, float slope, const Dropout& dropout, const float* x,
                    const float* bias, float* y, uint8_t* code) {
  const MaskBytes mask(dropout);
  const float scale = dropout.dropped > 0 ? keepScale(dropout) : 1.f;
  const int64_t pooled = static_cast<int64_t>(divideUp(height, 2)) * divideUp(width, 2) * channels;
  const int64_t image = static_cast<int64_t>(height) * width * channels;
  parallelFor(batch, [&](int b, int) {
    static thread_local std::vector<uint8_t> room;
    if (dropout.dropped == 0) room.assign(static_cast<size_t>(pooled) + LANES, 255);
    const uint8_t* bytes =
        dropout.dropped == 0 ? room.data() : drawStretch(mask, static_cast<uint64_t>(b * pooled), pooled, room);
    poolImage(height, width, channels, slope, scale, dropout.dropped, x + b * image, channels, bias, bytes,
              y + b * pooled, code + b * pooled);
  });
}

/** Gradients of one image's pooled pixels, written to the positions of the maxima; adds to `dBias`. `dx` has rows of `ldx`. */
inline void poolImageGradient(int height, int width, int channels, float slope, float scale, const float* dy,
                              const uint8_t* code, float* dx, ptrdiff_t ldx, float* dBias) {
  const int down = divideUp(height, 2), across = divideUp(width, 2);
  for (int i = 0; i < down; i++) {
    for (int j = 0; j < across; j++) {
      const ptrdiff_t at = (static_cast<ptrdiff_t>(i) * across + j) * channels;
      const float* d = dy + at;
      const uint8_t* places = code + at;
      float* to[4];
      for (int place = 0; place < 4; place++) {
        const int row = 2 * i + place / 2, column = 2 * j + place % 2;
        const bool inside = row < height && column < width;
        to[place] = inside ? dx + (static_cast<ptrdiff_t>(row) * width + column) * ldx : nullptr;
      }
      int c = 0;
      for (; c + LANES <= channels; c += LANES) {
        const Integers codes = loadBytes(places + c);
        const Vector v = load(d + c) * (codes < POOL_NEGATIVE    ? Vector{} + scale
                                        : codes == POOL_DROPPED ? Vector{}
                                                                : Vector{} + slope * scale);
        for (int place = 0; place < 4; place++) {
          if (to[place]) store(to[place] + c, (codes & 3) == place ? v : Vector{});
        }
        store(dBias + c, load(dBias + c) + v);
      }
      for (; c < channels; c++) {
        const float v = d[c] * (places[c] < POOL_NEGATIVE ? scale : places[c] == POOL_DROPPED ? 0.f : slope * scale);
        for (int place = 0; place < 4; place++) {
          if (to[place]) to[place][c] = (places[c] & 3) == place ? v : 0.f;
        }
        dBias[c] += v;
      }
    }
  }
}

inline void maxPoolGradient(int batch, int height, int width, int channels, float slope, const Dropout& dropout,
                            const float* dy, const uint8_t* code, float* dx, float* dBias) {
  const float scale = dropout.dropped > 0 ? keepScale(dropout) : 1.f;
  const int64_t pooled = static_cast<int64_t>(divideUp(height, 2)) * divideUp(width, 2) * channels;
  const int64_t image = static_cast<int64_t>(height) * width * channels;
  std::vector<float> parts(static_cast<size_t>(PARTS) * channels, 0.f);
  parallelFor(PARTS, [&](int part, int) {
    for (int b = batch * part / PARTS; b < batch * (part + 1) / PARTS; b++) {
      poolImageGradient(height, width, channels, slope, scale, dy + b * pooled, code + b * pooled, dx + b * image,
                        channels, parts.data() + static_cast<size_t>(part) * channels);
    }
  });
  addParts(parts.data(), channels, dBias);
}

}  // namespace STYLOGRAPH_ISA
}  // namespace stylograph
