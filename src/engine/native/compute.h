#pragma once
#include <cstdint>

namespace stylograph {

/** Sizes of a 3×3 convolution of stride 1 with `same` padding, or of its upsampling form. */
struct ConvShape {
  int batch, height, width;
  /** Channels of x. */
  int channels;
  /** Constant planes that follow x's channels: one value each per image. */
  int planes;
  /** Channels of y. */
  int filters;
  /** Whether x is upsampled ×2 (nearest) before a 5×5 convolution; y is then on the fine grid. */
  bool upsample;
};

/** A dropout mask: the bytes of TensorFlow's stateless generator for this seed; bytes below `dropped` drop their element. */
struct Dropout {
  int32_t seed[2];
  int dropped;
};

/** Sizes of the strided convolution on images whose sides are multiples of 4. */
struct StridedShape {
  int batch, height, width, channels, filters;
};

/** Sizes of nearest upsampling ×2, dropout and a 5×5 convolution to few channels; height and width before upsampling. */
struct ImageConvShape {
  int batch, height, width, channels, filters;
};

/** Numbers of an update, in the order of the op's input. 1 − x is passed too: computing it in 32 bits would lose digits. */
struct RmsProp {
  float rate, decay, restOfDecay, epsilon;
};
struct Adam {
  float rate, beta1, restOfBeta1, beta2, restOfBeta2, epsilon;
  /** 1 − β₁ᵗ and 1 − β₂ᵗ. */
  float correction1, correction2;
};

struct Averaging {
  float decay, restOfDecay;
};

/** The kernels of one instruction set. Tensors are NHWC and contiguous. Each function is described at its definition. */
struct Compute {
  void (*conv)(const ConvShape&, const float* x, const float* planes, const float* kernel, float* y);
  void (*convInputGradient)(const ConvShape&, const float* dy, const float* kernel, float* dx);
  void (*convFilterGradient)(const ConvShape&, const float* x, const float* planes, const float* dy, float* dKernel);

  void (*activate)(int64_t rows, int channels, float slope, const Dropout&, const float* x, const float* bias, float* y,
                   uint8_t* code);
  void (*activateGradient)(int64_t rows, int channels, float slope, const Dropout&, const float* dy,
                           const uint8_t* code, float* dx, float* dBias);
  void (*maxPool)(int batch, int height, int width, int channels, float slope, const Dropout&, const float* x,
                  const float* bias, float* y, uint8_t* code);
  void (*maxPoolGradient)(int batch, int height, int width, int channels, float slope, const Dropout&, const float* dy,
                          const uint8_t* code, float* dx, float* dBias);

  void (*stridedConv)(const StridedShape&, float slope, const Dropout&, const float* x, const float* kernel,
                      const float* bias, float* y, uint8_t* code);
  void (*stridedConvInputGradient)(const StridedShape&, float slope, const Dropout&, const float* dy,
                                   const uint8_t* code, const float* kernel, float* dx);
  void (*stridedConvFilterGradient)(const StridedShape&, float slope, const Dropout&, const float* dy,
                                    const uint8_t* code, const float* x, float* dKernel, float* dBias);

  void (*imageConv)(const ImageConvShape&, const Dropout&, const float* x, const float* kernel, float* y);
  void (*imageConvInputGradient)(const ImageConvShape&, const Dropout&, const float* dy, const float* kernel, float* dx);
  void (*imageConvFilterGradient)(const ImageConvShape&, const Dropout&, const float* x, const float* dy,
                                  float* dKernel);

  void (*rmsProp)(int64_t size, const RmsProp&, const float* theta, const float* gradient, const float* meanSquare,
                  float* newTheta, float* newMeanSquare);
  void (*adam)(int64_t size, const Adam&, const float* theta, const float* gradient, const float* firstMoment,
               const float* secondMoment, float* newTheta, float* newFirstMoment, float* newSecondMoment);
  void (*average)(int64_t size, const Averaging&, const float* average, const float* theta, float* newAverage);
};

/** Kernels for the best instruction set of this processor. */
const Compute& compute();

}  // namespace stylograph
