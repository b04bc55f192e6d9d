// What an adapter has to know of the model that it is for.
#ifndef LLMC_FRONTENDS_LORA_ADAPTER_BASEMODEL_H
#define LLMC_FRONTENDS_LORA_ADAPTER_BASEMODEL_H

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/gguf/file/GgufFile.h"
#include <cstdint>
#include <string>
#include <vector>

namespace llmc::lora {

struct BaseMatrix {
  std::string name; // "blk.0.attn_q.weight"
  uint64_t columns, rows;
};

class BaseModel {
public:
  // The two-dimensional tensors and the head counts of `file`, which may have been opened with
  // headerOnly. Errors name the file and the key.
  static absl::StatusOr<BaseModel> describe(const gguf::GgufFile &file);

  const std::string &path() const { return path_; }
  const std::string &architecture() const { return architecture_; }
  const std::string &name() const { return name_; } // general.name; may be empty
  uint32_t layers() const { return layers_; }
  // Attention heads whose rows a layer's attn_q (attn_k, attn_v) has.
  uint32_t heads(uint32_t layer) const { return heads_[layer]; }
  uint32_t kvHeads(uint32_t layer) const { return kvHeads_[layer]; }

  // In file order.
  const std::vector<BaseMatrix> &matrices() const { return matrices_; }
  // nullptr when the model has no such matrix.
  const BaseMatrix *find(absl::string_view name) const;
  // The place in matrices(); matrices().size() when there is none.
  size_t position(absl::string_view name) const;

private:
  std::string path_, architecture_, name_;
  uint32_t layers_ = 0;
  std::vector<uint32_t> heads_, kvHeads_; // one for each layer
  std::vector<BaseMatrix> matrices_;
  absl::flat_hash_map<std::string, size_t> positions_;
};

} // namespace llmc::lora

#endif
