// Searches for the scale of 16 groups of weights at once, one group per lane, for the formats whose
// bytes must be ggml's: they run the same float operations in the same order as its searches.
//
// `x[i]` holds weight i of each group and `w[i]` how much its error counts. A search tries a few
// step sizes around the one that spans the group, and keeps the one whose least-squares fit is
// best.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_LANEFITS_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_LANEFITS_H

#include "frontends/gguf/quantize/Lanes.h"

namespace llmc::quantize::LLMC_SIMD_LEVEL {
namespace {

// A group whose largest weight is below this counts as zero.
constexpr float kLeastWeight = 1e-15f;

// The weight of largest magnitude, with its sign; the first one of equals.
template <int N>
inline Floats extremeOf(const Floats *x, Floats &magnitude) {
  Floats extreme{};
  magnitude = Floats{};
  for (int i = 0; i < N; ++i) {
    Floats a = absolute(x[i]);
    extreme = a > magnitude ? x[i] : extreme;
    magnitude = a > magnitude ? a : magnitude;
  }
  return extreme;
}

// x ~ scale * q with q in [-nmax, nmax - 1]; q is the nearest integer of inverse * x.
struct SymmetricFit {
  Floats scale, inverse;
  Ints zero; // lanes where all is zero: scale is 0, q means nothing
};

template <int N>
inline SymmetricFit fitSymmetric(const Floats *x, const Floats *w, int nmax) {
  Floats magnitude;
  Floats extreme = extremeOf<N>(x, magnitude);
  SymmetricFit fit;
  fit.zero = magnitude < kLeastWeight;
  extreme = fit.zero ? all(1) : extreme;
  const float top = static_cast<float>(nmax - 1), bottom = static_cast<float>(-nmax);
  auto project = [&](Floats inverse, Floats & sumXl, Floats & sumLl)
      __attribute__((always_inline)) {
    sumXl = sumLl = Floats{};
    for (int i = 0; i < N; ++i) {
      Floats l = nearestWithin(inverse * x[i], bottom, top);
      sumXl += w[i] * x[i] * l;
      sumLl += w[i] * l * l;
    }
  };
  Floats sumXl, sumLl;
  fit.inverse = static_cast<float>(-nmax) / extreme;
  project(fit.inverse, sumXl, sumLl);
  fit.scale = sumLl != 0 ? sumXl / sumLl : all(0);
  Floats best = fit.scale * sumXl;
  for (int step = -9; step <= 9; ++step) {
    if (step == 0)
      continue;
    Floats inverse = -(static_cast<float>(nmax) + 0.1f * static_cast<float>(step)) / extreme;
    project(inverse, sumXl, sumLl);
    Ints better = (sumLl > 0) & (sumXl * sumXl > best * sumLl);
    Floats scale = sumXl / sumLl;
    fit.scale = better ? scale : fit.scale;
    fit.inverse = better ? inverse : fit.inverse;
    best = better ? scale * sumXl : best;
  }
  fit.scale = fit.zero ? all(0) : fit.scale;
  return fit;
}

// x ~ scale * q - minimum with q in [0, nmax] and minimum >= 0; q is the nearest integer of
// inverse * (x - base).
struct AffineFit {
  Floats scale, minimum, inverse, base;
  Ints flat; // lanes where all weights are equal (or all positive ones are): scale and q are 0
};

// The step sizes to try: (first + step * i + nmax) / range for i in [0, steps].
struct Steps {
  float first, step;
  int count;
};

inline Ints affineLevel(const AffineFit &fit, Floats x, int nmax) {
  Ints l = nearestInt(fit.inverse * (x - fit.base));
  l = smaller(larger(l, Ints{}), Ints{} + nmax);
  return fit.flat ? Ints{} : l;
}

template <int N>
inline AffineFit fitAffine(const Floats *x, const Floats *w, int nmax, Steps steps) {
  Floats low = x[0], high = x[0], sumW = w[0], sumX = w[0] * x[0];
  for (int i = 1; i < N; ++i) {
    low = smaller(x[i], low);
    high = larger(x[i], high);
    sumW += w[i];
    sumX += w[i] * x[i];
  }
  low = low > 0 ? all(0) : low;
  AffineFit fit;
  fit.flat = high <= low;
  fit.minimum = -low;
  const float top = static_cast<float>(nmax);
  auto errorOf = [&](Floats scale, Floats base, Floats l, int i) __attribute__((always_inline)) {
    Floats d = scale * l + base - x[i];
    return w[i] * (d * d);
  };
  auto levelOf = [&](Floats inverse, int i) __attribute__((always_inline)) {
    Ints l = nearestInt(inverse * (x[i] - low));
    return toFloat(smaller(larger(l, Ints{}), Ints{} + nmax));
  };
  fit.inverse = top / (high - low);
  fit.base = low;
  fit.scale = 1.0f / fit.inverse;
  Floats best{};
  for (int i = 0; i < N; ++i)
    best += errorOf(fit.scale, low, levelOf(fit.inverse, i), i);
  for (int step = 0; step <= steps.count; ++step) {
    Floats inverse = (steps.first + steps.step * static_cast<float>(step) + top) / (high - low);
    Floats sumL{}, sumLl{}, sumXl{}, levels[N];
    for (int i = 0; i < N; ++i) {
      Floats l = levels[i] = levelOf(inverse, i);
      sumL += w[i] * l;
      sumLl += w[i] * l * l;
      sumXl += w[i] * l * x[i];
    }
    Floats determinant = sumW * sumLl - sumL * sumL;
    Floats scale = (sumW * sumXl - sumX * sumL) / determinant;
    Floats base = (sumLl * sumX - sumL * sumXl) / determinant;
    Ints above = base > 0;
    scale = above ? sumXl / sumLl : scale;
    base = above ? all(0) : base;
    Floats error{};
    for (int i = 0; i < N; ++i)
      error += errorOf(scale, base, levels[i], i);
    Ints better = (determinant > 0) & (error < best);
    best = better ? error : best;
    fit.scale = better ? scale : fit.scale;
    fit.inverse = better ? inverse : fit.inverse;
    fit.base = better ? low : fit.base;
    low = better ? base : low;
  }
  fit.minimum = fit.flat ? fit.minimum : -low;
  fit.scale = fit.flat ? all(0) : fit.scale;
  return fit;
}

} // namespace
} // namespace llmc::quantize::LLMC_SIMD_LEVEL

#endif
