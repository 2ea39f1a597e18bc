#pragma once
#include "compute.h"
#include "vector.h"

/**
 * Philox 4×32 with ten rounds (Salmon et al. 2011), with the key and counter of TensorFlow's stateless generators: the bytes
 * equal those of StatelessRandomUniformFullInt for the same seed, so native and plain masks are the same.
 */
namespace stylograph {
namespace STYLOGRAPH_ISA {

/** Bytes per draw: 16 for each lane. */
constexpr int MASK_BYTES = 16 * LANES;

/** The ten rounds, on one counter per lane. */
inline void philox(Words w[4], uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; round++) {
    Words high0, low0, high1, low1;
    multiplyHighLow(w[0], 0xD2511F53u, high0, low0);
    multiplyHighLow(w[2], 0xCD9E8D57u, high1, low1);
    w[0] = high1 ^ w[1] ^ key0;
    w[1] = low1;
    w[2] = high0 ^ w[3] ^ key1;
    w[3] = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

class MaskBytes {
 public:
  explicit MaskBytes(const Dropout& dropout) {
    // TensorFlow scrambles the seed by one draw, which gives key and counter.
    const int64_t seed0 = dropout.seed[0], seed1 = dropout.seed[1];
    Words w[4] = {Words{} + static_cast<uint32_t>(seed0), Words{} + static_cast<uint32_t>(seed0 >> 32),
                  Words{} + static_cast<uint32_t>(seed1), Words{} + static_cast<uint32_t>(seed1 >> 32)};
    philox(w, 0x3ec8f720u, 0x02461e29u);
    key_[0] = w[0][0];
    key_[1] = w[1][0];
    high_[0] = w[2][0];
    high_[1] = w[3][0];
  }

  /** The MASK_BYTES bytes of the stream from index·MASK_BYTES. */
  void draw(uint64_t index, uint8_t* bytes) const {
    const uint64_t first = index * LANES;
    Words w[4] = {{}, Words{} + static_cast<uint32_t>(first >> 32), Words{} + high_[0], Words{} + high_[1]};
    for (int lane = 0; lane < LANES; lane++) w[0][lane] = static_cast<uint32_t>(first) + static_cast<uint32_t>(lane);
    philox(w, key_[0], key_[1]);
    uint32_t ordered[4 * LANES];
    for (int lane = 0; lane < LANES; lane++) {
      for (int word = 0; word < 4; word++) ordered[4 * lane + word] = w[word][lane];
    }
    std::memcpy(bytes, ordered, MASK_BYTES);
  }

 private:
  uint32_t key_[2];
  uint32_t high_[2];
};

/** Any range of the stream's bytes. Returns its start within `bytes`, which has LANES bytes to spare at the end. */
inline const uint8_t* drawStretch(const MaskBytes& mask, uint64_t from, uint64_t count, std::vector<uint8_t>& bytes) {
  const uint64_t first = from / MASK_BYTES, last = (from + count + MASK_BYTES - 1) / MASK_BYTES;
  bytes.resize((last - first) * MASK_BYTES + LANES);
  for (uint64_t index = first; index < last; index++) mask.draw(index, bytes.data() + (index - first) * MASK_BYTES);
  return bytes.data() + from % MASK_BYTES;
}

/** The factor of kept values. */
inline float keepScale(const Dropout& dropout) { return 256.f / static_cast<float>(256 - dropout.dropped); }

}  // namespace STYLOGRAPH_ISA
}  // namespace stylograph
