#include "compute.h"

#include "activation.h"
#include "image_conv.h"
#include "optimizer.h"
#include "strided_conv.h"
#include "winograd.h"

/** Compiled once for each instruction set. */
namespace stylograph {
namespace STYLOGRAPH_ISA {

const Compute& table() {
  static const Compute kernels = {
      winogradConv,   winogradInputGradient, winogradFilterGradient,   activate,
      activateGradient, maxPool,             maxPoolGradient,          stridedConv,
      stridedConvInputGradient, stridedConvFilterGradient, imageConv,  imageConvInputGradient,
      imageConvFilterGradient, rmsProp,      adam,
      averageWeights,
  };
  return kernels;
}

}  // namespace STYLOGRAPH_ISA
}  // namespace stylograph
