// The contents of an !llm.kv_cache in the reference interpreter.
#ifndef LLMC_COMPILER_INTERPRETER_KVCACHESTATE_H
#define LLMC_COMPILER_INTERPRETER_KVCACHESTATE_H

#include "absl/status/statusor.h"
#include "compiler/Interpreter/ReferenceMath.h"
#include "dialects/llm/IR/LlmDialect.h"
#include <map>

namespace llmc {

// Holds only the positions that were written, so that neither a large type nor a large position
// costs memory, and so that reading what nobody wrote is an error.
template <class Real>
class KvCacheState {
public:
  // Elements are rounded to the types of keys and values, unless `exact`.
  static absl::StatusOr<KvCacheState> create(llm::KvCacheType type, bool exact);

  llm::KvCacheType type() const { return type_; }

  // Stores the rows of `keys` and `values` at positions start, start + 1, ...
  absl::Status write(int64_t layer, int64_t start, const TensorValue<Real> &keys,
                     const TensorValue<Real> &values);

  // Valid until the next write.
  absl::StatusOr<const reference::CacheEntry<Real> *> at(int64_t layer, int64_t position) const;

private:
  KvCacheState(llm::KvCacheType type, bool exact) : type_(type), exact_(exact) {}

  absl::Status checkLayer(int64_t layer) const;
  std::vector<Real> round(std::span<const Real> row, mlir::Type element) const;

  llm::KvCacheType type_;
  bool exact_;
  std::map<std::pair<int64_t, int64_t>, reference::CacheEntry<Real>> entries_; // layer, position
};

} // namespace llmc

#endif
