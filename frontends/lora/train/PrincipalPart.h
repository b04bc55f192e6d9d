// The best approximation of a matrix by one of low rank.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_PRINCIPALPART_H
#define LLMC_FRONTENDS_LORA_TRAIN_PRINCIPALPART_H

#include "absl/status/statusor.h"
#include <cstdint>
#include <span>
#include <vector>

namespace llmc::lora {

// B A, which is U S V^T of the largest singular values: B = U sqrt(S), A = sqrt(S) V^T.
struct PrincipalPart {
  std::vector<float> b; // [rows][rank]
  std::vector<float> a; // [rank][columns]
};

struct PrincipalOptions {
  uint64_t rank = 0;  // 1 to the smaller side
  int iterations = 0; // of randomized subspace iteration; 0: an exact decomposition
  uint64_t seed = 0;  // of the randomized one
};

// Of `matrix`, row after row. The randomized one is algorithm 4.4 with 5.1 of Halko, Martinsson and
// Tropp 2011, "Finding structure with randomness", with 8 vectors more than the rank. InvalidArgument
// for values that are not finite, ResourceExhausted where there is not the memory.
absl::StatusOr<PrincipalPart> principalPart(std::span<const float> matrix, uint64_t rows,
                                            uint64_t columns, const PrincipalOptions &options);

} // namespace llmc::lora

#endif
