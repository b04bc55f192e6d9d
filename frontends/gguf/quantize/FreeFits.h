// The searches of LaneFits.h for formats whose bytes are ours to choose.
//
// Steps do not wait for each other: every step starts from the same least weight, and its error
// comes from the sums of its fit. What matters is how far below the spanning step size the steps
// reach, where the extreme weight is clipped and all others become finer: ggml's stay too close to
// it.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_FREEFITS_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_FREEFITS_H

#include "frontends/gguf/quantize/LaneFits.h"

namespace llmc::quantize::LLMC_SIMD_LEVEL {
namespace {

// The scale with which x ~ scale * q, q in [-nmax, nmax - 1], fits best; 0 where all is zero.
template <int N>
inline Floats findScale(const Floats *x, const Floats *w, int nmax, Steps steps) {
  Floats magnitude, extreme = extremeOf<N>(x, magnitude);
  Ints zero = magnitude < kLeastWeight;
  extreme = zero ? all(1) : extreme;
  Floats scale{}, best{};
  for (int step = 0; step <= steps.count; ++step) {
    Floats inverse =
        -(steps.first + steps.step * static_cast<float>(step) + static_cast<float>(nmax)) / extreme;
    Floats sumXl{}, sumLl{};
    for (int i = 0; i < N; ++i) {
      Floats l =
          nearestWithin(inverse * x[i], static_cast<float>(-nmax), static_cast<float>(nmax - 1));
      Floats wl = w[i] * l;
      sumXl += wl * x[i];
      sumLl += wl * l;
    }
    Floats fitted = sumXl / sumLl,
           gain = fitted * sumXl; // the part of the squares that it explains
    Ints better = (sumLl > 0) & (gain > best);
    best = better ? gain : best;
    scale = better ? fitted : scale;
  }
  return zero ? all(0) : scale;
}

struct ScaleAndMinimum {
  Floats scale, minimum;
};

// The scale and minimum >= 0 with which x ~ scale * q - minimum, q in [0, nmax], fits best.
template <int N>
inline ScaleAndMinimum findScaleAndMinimum(const Floats *x, const Floats *w, int nmax,
                                           Steps steps) {
  Floats low = x[0], high = x[0], sumW = w[0], sumX = w[0] * x[0];
  for (int i = 1; i < N; ++i) {
    low = smaller(x[i], low);
    high = larger(x[i], high);
    sumW += w[i];
    sumX += w[i] * x[i];
  }
  low = smaller(low, all(0));
  const float top = static_cast<float>(nmax);
  Ints flat = high <= low;
  Floats range = flat ? all(1) : high - low;
  ScaleAndMinimum fit = {range / top, -low};
  Floats best = all(-1);
  for (int step = 0; step <= steps.count; ++step) {
    Floats inverse = (steps.first + steps.step * static_cast<float>(step) + top) / range;
    Floats shift = low * inverse, sumL{}, sumLl{}, sumXl{};
    for (int i = 0; i < N; ++i) {
      Floats l = nearestWithin(inverse * x[i] - shift, 0, top);
      Floats wl = w[i] * l;
      sumL += wl;
      sumLl += wl * l;
      sumXl += wl * x[i];
    }
    Floats determinant = sumW * sumLl - sumL * sumL;
    Floats scale = (sumW * sumXl - sumX * sumL) / determinant;
    Floats base = (sumLl * sumX - sumL * sumXl) / determinant;
    Ints above = base > 0;
    scale = above ? sumXl / sumLl : scale;
    base = above ? all(0) : base;
    Floats gain = scale * sumXl + base * sumX;
    Ints better = (determinant > 0) & (gain > best);
    best = better ? gain : best;
    fit.scale = better ? scale : fit.scale;
    fit.minimum = better ? -base : fit.minimum;
  }
  fit.scale = flat ? all(0) : fit.scale;
  return fit;
}

} // namespace
} // namespace llmc::quantize::LLMC_SIMD_LEVEL

#endif
